"""Bodies of series: an entry of the list, and stats."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rest_framework import serializers

from marketdata.api.responses.contracts import ContractSerializer, serialize_contract
from marketdata.api.responses.fields import CountField, PriceField, TimeframeField
from marketdata.bars.stats import SeriesStats
from marketdata.bars.tick_size import MIN_BARS, find_tick_size
from marketdata.formatting import format_age, format_price
from marketdata.models import IngestRun, Series
from marketdata.timestamps import to_iso

NO_DATA = "No data ingested yet"


class StatsSerializer(serializers.Serializer):
    """How many bars or candles a series has. All but the count are null without bars."""

    row_count = CountField()
    min_ts = serializers.DateTimeField(allow_null=True, help_text="The first timestamp.")
    max_ts = serializers.DateTimeField(allow_null=True, help_text="The last timestamp.")
    latest_close = serializers.FloatField(allow_null=True, help_text="A JSON number. Bars have exact decimal text.")
    latest_ts = serializers.DateTimeField(allow_null=True, help_text="The same as `max_ts`.")
    symbol = serializers.CharField()
    timeframe = TimeframeField()
    vendor = serializers.CharField()
    message = serializers.CharField(required=False, help_text="Only for a series without bars.")


class LastRunSerializer(serializers.Serializer):
    """The last run of a series."""

    id = CountField()
    status = serializers.ChoiceField(IngestRun.Status.choices)
    finished_at = serializers.DateTimeField(allow_null=True, help_text="Null while the run is running.")


class SeriesSummarySerializer(serializers.Serializer):
    """One entry of the list of series."""

    slug = serializers.CharField(help_text="The name in addresses.")
    symbol = serializers.CharField(help_text="The name in the table of bars.")
    name = serializers.CharField(help_text="The name for people to read. It can be empty.")
    bars = CountField(help_text="The number of stored minute bars.")
    first = serializers.DateTimeField(allow_null=True, help_text="The first minute. Null without bars.")
    last = serializers.DateTimeField(allow_null=True, help_text="The last minute. Null without bars.")
    freshness = serializers.CharField(help_text="The age of the last minute, such as 5 minutes ago.")
    last_run = LastRunSerializer(allow_null=True)
    tick_size = PriceField(allow_null=True, help_text="The smallest price step. Null if it is unknown.")
    tick_size_source = serializers.ChoiceField(
        ("set", "bars"),
        allow_null=True,
        help_text=f"`set` in the admin, or found from the `bars`, of which it needs {MIN_BARS:,}. Null if unknown.",
    )
    contract = ContractSerializer()


def serialize_stats(series: Series, stats: SeriesStats, timeframe: str = "1m") -> dict:
    """`latest_close` is a JSON number, which existing clients expect. Bars and candles have exact decimal text."""
    body = {
        "row_count": stats.row_count,
        "min_ts": to_iso(stats.min_ts),
        "max_ts": to_iso(stats.max_ts),
        "latest_close": None if stats.latest_close is None else float(stats.latest_close),
        "latest_ts": to_iso(stats.max_ts),
        "symbol": series.symbol,
        "timeframe": timeframe,
        "vendor": series.vendor,
    }
    return body if stats.row_count else body | {"message": NO_DATA}


def serialize_series(
    series: Series, stats: SeriesStats, run: IngestRun | None, raw_symbols: Sequence[str], now: datetime
) -> dict:
    """One entry of the list of series at the time `now`. `run` is the last run of the series, `raw_symbols` are the
    symbols that its files have."""
    tick = find_tick_size(series, stats.row_count)
    return {
        "slug": series.slug,
        "symbol": series.symbol,
        "name": series.name,
        "bars": stats.row_count,
        "first": to_iso(stats.min_ts),
        "last": to_iso(stats.max_ts),
        "freshness": format_age(stats.max_ts, now) if stats.max_ts else NO_DATA,
        "last_run": None
        if run is None
        else {"id": run.pk, "status": run.status, "finished_at": to_iso(run.finished_at)},
        "tick_size": None if tick.size is None else format_price(tick.size),
        "tick_size_source": tick.source,
        "contract": serialize_contract(series, stats, raw_symbols, now.date()),
    }
