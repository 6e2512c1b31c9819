"""Bodies of series: an entry of the list, and stats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime

from rest_framework import serializers

from marketdata.api.responses.contracts import ContractSerializer
from marketdata.api.responses.fields import CountField, PriceField, TimeframeField
from marketdata.api.responses.json_rows import JsonRows, encode_text
from marketdata.bars.stats import SeriesStats
from marketdata.bars.tick_size import MIN_BARS, find_tick_size
from marketdata.candles.json_text import format_times
from marketdata.formatting import format_price, format_seconds_ago
from marketdata.models import IngestRun, Series
from marketdata.runs.query import RunState
from marketdata.series import SeriesSummary, is_active
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
    live = serializers.BooleanField(help_text="Whether `stream_live` keeps the series current to the minute.")
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


_ENTRY = (
    '{"slug":%s,"symbol":%s,"name":%s,"bars":%d,"first":%s,"last":%s,"freshness":"%s","last_run":%s,"tick_size":%s,'
    '"tick_size_source":%s,"live":%s,"contract":%s}'
)
_RUN = '{"id":%d,"status":"%s","finished_at":%s}'
_CONTRACT = (
    '{"kind":"%s","root":%s,"month":%s,"year":%s,"first":%s,"last":%s,"expiration":%s,"active":%s,"settled":%s,'
    '"raw_symbols":[%s]}'
)
_LITERALS = {None: "null", True: "true", False: "false"}


def format_list_of_series(
    series: Sequence[SeriesSummary],
    spans: Sequence[tuple[int, int | None, int | None]],
    runs: Mapping[str, RunState],
    raw_symbols: Mapping[int, Sequence[str]],
    now: datetime,
) -> JsonRows:
    """The series as `SeriesSummarySerializer` describes them, at the time `now`.

    `spans` has the result of `list_spans` for each. `runs` are the last runs by symbol, `raw_symbols` the symbols that
    the files of a series have, by its key.
    """
    counts, firsts, lasts = zip(*spans, strict=True) if spans else ((), (), ())
    ages = [NO_DATA if last is None else format_seconds_ago(now.timestamp() - last) for last in lasts]
    columns, today = (counts, format_times(firsts), format_times(lasts), ages), now.date()
    return JsonRows(
        _format_series(one, bars, first, last, age, runs.get(one.symbol), raw_symbols.get(one.pk, ()), today)
        for one, bars, first, last, age in zip(series, *columns, strict=True)
    )


def _format_series(
    series: SeriesSummary,
    bars: int,
    first: str | None,
    last: str | None,
    age: str,
    run: RunState | None,
    raw_symbols: Sequence[str],
    today: date,
) -> str:
    tick = find_tick_size(series, bars)
    contract = _CONTRACT % (
        series.kind,
        encode_text(series.root),
        "null" if series.contract_month is None else series.contract_month,
        "null" if series.contract_year is None else series.contract_year,
        _quote(first and first[:10]),
        _quote(last and last[:10]),
        _quote(series.expiration_date),
        _LITERALS[is_active(series, today)],
        _LITERALS[series.is_settled],
        ",".join(map(encode_text, raw_symbols)),
    )
    return _ENTRY % (
        encode_text(series.slug),
        encode_text(series.symbol),
        encode_text(series.name),
        bars,
        _quote(first),
        _quote(last),
        age,
        "null" if run is None else _RUN % (run.pk, run.status, _quote(to_iso(run.finished_at))),
        _quote(None if tick.size is None else format_price(tick.size)),
        _quote(tick.source),
        _LITERALS[series.live],
        contract,
    )


def _quote(value: object) -> str:
    """The value as a string that needs no escape; null for none."""
    return "null" if value is None else f'"{value}"'
