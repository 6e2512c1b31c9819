"""Bodies of minute bars and their revisions."""

from __future__ import annotations

from collections.abc import Iterable

from rest_framework import serializers

from marketdata.api.responses.fields import (
    NEXT,
    NEXT_CURSOR,
    VOLUME,
    CountField,
    OrderField,
    PriceField,
    SessionField,
    TimeframeField,
)
from marketdata.api.responses.json_rows import JsonRows
from marketdata.api.responses.provisional import PROVISIONAL, ProvisionalRangeSerializer
from marketdata.bars.json_text import write_bar
from marketdata.bars.query import BarRow
from marketdata.bars.revisions import RevisionRow
from marketdata.models import BarRevision
from marketdata.timestamps import to_iso


class BarSerializer(serializers.Serializer):
    """One minute bar."""

    ts = serializers.DateTimeField(help_text="The start of the minute.")
    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    volume = serializers.IntegerField(help_text=VOLUME)
    run_id = CountField(help_text="The run that stored these values.")


class BarPageSerializer(serializers.Serializer):
    """One page of minute bars."""

    symbol = serializers.CharField()
    timeframe = TimeframeField()
    session = SessionField()
    order = OrderField()
    as_of = serializers.DateTimeField(allow_null=True, help_text="`as_of` of the request. Null for the current bars.")
    provisional = ProvisionalRangeSerializer(many=True, help_text=PROVISIONAL)
    bars = BarSerializer(many=True)
    next_cursor = serializers.DateTimeField(allow_null=True, help_text=NEXT_CURSOR)
    next = serializers.URLField(allow_null=True, help_text=NEXT)


class RevisionSerializer(serializers.Serializer):
    """The values of a bar before a run changed or removed it."""

    ts = serializers.DateTimeField(help_text="The start of the minute.")
    operation = serializers.ChoiceField(BarRevision.Operation.choices, help_text="What the later run did to the bar.")
    open = PriceField()
    high = PriceField()
    low = PriceField()
    close = PriceField()
    volume = serializers.IntegerField(help_text=VOLUME)
    brought_by = CountField(help_text="The run that stored these values.")
    replaced_by = CountField(help_text="The run that replaced or removed them.")
    replaced_at = serializers.DateTimeField(help_text="When that run finished.")


class RevisionPageSerializer(serializers.Serializer):
    """One page of revisions."""

    symbol = serializers.CharField()
    order = OrderField()
    revisions = RevisionSerializer(many=True)
    next_cursor = serializers.CharField(allow_null=True, help_text=NEXT_CURSOR)
    next = serializers.URLField(allow_null=True, help_text=NEXT)


def format_bars(bars: Iterable[BarRow]) -> JsonRows:
    """The bars as `BarSerializer` describes them."""
    return JsonRows(map(write_bar, bars))


def serialize_revision(revision: RevisionRow) -> dict:
    times = {"ts": to_iso(revision.ts), "replaced_at": to_iso(revision.replaced_at)}
    return revision._asdict() | times | {"volume": int(revision.volume)}
