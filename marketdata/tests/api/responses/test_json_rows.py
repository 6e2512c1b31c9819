"""Rows that are formatted as JSON directly, compared with the serializers that describe them."""

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer

from marketdata.api.responses.bars import BarSerializer, format_bars
from marketdata.api.responses.candles import CandleSerializer, format_candles
from marketdata.api.responses.json_rows import JsonRows, PageRenderer, encode_text
from marketdata.api.responses.series import SeriesSummarySerializer, format_list_of_series
from marketdata.bars.query import BarRow
from marketdata.candles.columns import Candles
from marketdata.formatting import format_age, format_price
from marketdata.runs.query import RunState
from marketdata.series import SeriesSummary
from marketdata.timestamps import from_seconds, to_iso

# Other programs on the machine make the generation of examples slow.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2024, 7, 1, 12, tzinfo=UTC)
minutes = st.integers(-36_816_480, 120_991_679).map(lambda minute: minute * 60)  # 1900 to 2199
prices = st.decimals(Decimal("-9223372036.854775808"), Decimal("9223372036.854775807"), places=9).map(format_price)
counts = st.integers(0, 2**63 - 1)
bars = st.builds(
    BarRow, minutes.map(from_seconds), prices, prices, prices, prices, st.integers(0, 2**64 - 1).map(Decimal), counts
)
candles = st.tuples(
    minutes, st.dates(date(1900, 1, 1), date(2199, 12, 31)), prices, prices, prices, prices,
    st.integers(0, 2**70).map(str), counts, counts, st.booleans(),
)  # fmt: skip
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
month = st.one_of(st.none(), st.integers(1, 12))
some_date = st.one_of(st.none(), st.dates())
some_price = st.one_of(st.none(), st.decimals(Decimal("1e-9"), 1000, places=9))
summaries = st.builds(
    SeriesSummary, st.integers(1, 9), st.from_regex(r"[a-z0-9-]{1,9}", fullmatch=True), texts, texts,
    st.sampled_from(["outright", "other"]), texts, month, st.one_of(st.none(), st.integers(1950, 2100)), st.booleans(),
    some_date, some_date, some_price, some_price.filter(bool), st.booleans(),
)  # fmt: skip
runs = st.one_of(
    st.none(),
    st.builds(RunState, counts, st.just("running"), st.none()),
    st.builds(RunState, counts, st.sampled_from(["success", "failed"]), st.datetimes(timezones=st.just(UTC))),
)


def check_described(serializer: type[serializers.Serializer], rows: list[dict]) -> None:
    """Each row has the fields of the serializer in its order."""
    for row in rows:
        assert list(row) == list(serializer().fields)


@patient
@given(st.lists(bars, max_size=5))
def test_bars_are_formatted_as_described(bars):
    rows = format_bars(bars).to_list()
    assert rows == [bar._asdict() | {"ts": bar.ts.isoformat(), "volume": int(bar.volume)} for bar in bars]
    check_described(BarSerializer, rows)


@patient
@given(st.lists(candles, max_size=5))
def test_candles_are_formatted_as_described(rows):
    columns = Candles(*map(list, zip(*rows, strict=True))) if rows else Candles.make_empty()
    formatted = format_candles(columns).to_list()
    assert formatted == [
        candle._asdict()
        | {
            "ts": candle.ts.isoformat(),
            "session_date": candle.session_date.isoformat(),
            "volume": int(candle.volume),
        }
        for candle in columns.to_list()
    ]
    check_described(CandleSerializer, formatted)


def serialize(series: SeriesSummary, span: tuple, run: RunState | None, raw_symbols: list[str]) -> dict:
    """One entry of the list, value by value."""
    bars, first, last = span
    size = series.tick_size or (series.price_step if bars >= 2000 else None)
    source = None if size is None else ("set" if series.tick_size is not None else "bars")
    active = (True if series.is_settled else None) if series.last_date is None else series.last_date >= NOW.date()
    first, last = (seconds if seconds is None else from_seconds(seconds) for seconds in (first, last))
    return {
        "slug": series.slug,
        "symbol": series.symbol,
        "name": series.name,
        "bars": bars,
        "first": to_iso(first),
        "last": to_iso(last),
        "freshness": format_age(last, NOW) if last else "No data ingested yet",
        "last_run": run and {"id": run.pk, "status": run.status, "finished_at": to_iso(run.finished_at)},
        "tick_size": size and format_price(size),
        "tick_size_source": source,
        "live": series.live,
        "contract": {
            "kind": series.kind,
            "root": series.root,
            "month": series.contract_month,
            "year": series.contract_year,
            "first": first and first.date().isoformat(),
            "last": last and last.date().isoformat(),
            "expiration": series.expiration_date and series.expiration_date.isoformat(),
            "active": active,
            "settled": series.is_settled,
            "raw_symbols": raw_symbols,
        },
    }


@patient
@given(summaries, st.one_of(st.just((0, None, None)), st.tuples(st.integers(1, 1999), minutes, minutes)), runs,
       st.lists(texts, max_size=3))  # fmt: skip
def test_series_are_formatted_as_described(series, span, run, raw_symbols):
    found = {} if run is None else {series.symbol: run}
    body = format_list_of_series([series], [span], found, {series.pk: raw_symbols}, NOW)
    expected = serialize(series, span, run, raw_symbols)
    assert PageRenderer().render(body) == JSONRenderer().render([expected])
    check_described(SeriesSummarySerializer, body.to_list())


def test_the_age_of_a_series_is_that_of_its_last_bar():
    series = SeriesSummary(1, "a", "A", "", "other", "", None, None, True, None, None, None, None, False)
    last = int((NOW - timedelta(days=3)).timestamp())
    [row] = format_list_of_series([series], [(1, last, last)], {}, {}, NOW).to_list()
    assert row["freshness"] == "3 days ago"


PAGE = {"symbol": '"bars":[]', "order": "\u2028asc", "next": None}
ROWS = ['{"ts":1}', '{"ts":2}']


def test_a_page_is_rendered_as_by_rest_framework():
    for rows in ([], ROWS):
        page = {"symbol": PAGE["symbol"], "bars": JsonRows(rows), "next": None}
        slow = page | {"bars": [json.loads(row) for row in rows]}
        assert PageRenderer().render(page) == JSONRenderer().render(slow)
        indented = "application/json; indent=2"
        assert PageRenderer().render(page, indented) == JSONRenderer().render(slow, indented)
        assert PageRenderer().render(JsonRows(rows), indented) == JSONRenderer().render(slow["bars"], indented)
    assert PageRenderer().render(PAGE) == JSONRenderer().render(PAGE)


@patient
@given(texts)
def test_texts_are_encoded_as_by_rest_framework(text):
    row = f'{{"name":{encode_text(text)}}}'
    assert PageRenderer().render(JsonRows([row])) == JSONRenderer().render([{"name": text}])
