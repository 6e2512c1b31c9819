"""Bodies of gaps with their verdicts. The description of the endpoint explains the verdicts."""

from __future__ import annotations

from rest_framework import serializers

from marketdata.api.responses.fields import NEXT, NEXT_CURSOR, CountField
from marketdata.coverage.verdicts.model import Verdict


class VerdictField(serializers.ChoiceField):
    """Why minutes have no bar."""

    def __init__(self, **options: object) -> None:
        super().__init__([verdict.value for verdict in Verdict], **options)  # type: ignore[arg-type]  # as in REST


class JudgedGapSerializer(serializers.Serializer):
    """The minutes of [start, end), which have no bar."""

    start = serializers.DateTimeField()
    end = serializers.DateTimeField()
    minutes = CountField()
    open_minutes = CountField(help_text="The minutes in regular hours; all without a calendar.")
    verdict = VerdictField()
    evidence = serializers.CharField(help_text="The reason as a sentence.")
    until = serializers.DateTimeField(
        allow_null=True, help_text="When the minutes are available, or to be asked for again. Null if not known."
    )


class VerdictCountSerializer(serializers.Serializer):
    """How many gaps have a verdict."""

    gaps = CountField()
    open_minutes = CountField(help_text="Of `closed` all minutes.")


class GapPageSerializer(serializers.Serializer):
    """One page of gaps, in time order."""

    symbol = serializers.CharField()
    calendar = serializers.CharField(help_text="The trading calendar of the series. Empty without one.")
    verdicts = serializers.DictField(child=VerdictCountSerializer(), help_text="By verdict; without those of no gap.")
    gaps = JudgedGapSerializer(many=True)
    next_cursor = serializers.DateTimeField(allow_null=True, help_text=NEXT_CURSOR)
    next = serializers.URLField(allow_null=True, help_text=NEXT)
