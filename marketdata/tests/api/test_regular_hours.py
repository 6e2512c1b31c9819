"""Bars, candles and coverage of regular hours, and of all hours, over REST."""

import csv
import io

import pytest
from pyarrow import parquet

from config.testing.clocks import NEW_YORK, NYSE, utc
from config.testing.rollup import bar_row, copy_bars
from config.testing.rows import execute
from marketdata.models import Series

BARS = "/api/market-data/share/ohlcv-1m/bars"
COVERAGE = "/api/market-data/share/coverage"
# A half day, which closes at 13:00 in New York and trades until 17:00, then a weekend.
PRE = ["2024-11-29 03:59", "2024-11-29 04:00", "2024-11-29 09:29"]
REGULAR = ["2024-11-29 09:30", "2024-11-29 09:31", "2024-11-29 12:59"]
POST = ["2024-11-29 13:00", "2024-11-29 16:59"]
CLOSED = ["2024-11-29 17:00", "2024-11-30 11:00"]
MONDAY = ["2024-12-02 09:00", "2024-12-02 15:59", "2024-12-02 16:00"]
REGULAR_BARS = [*REGULAR, "2024-12-02 15:59"]


def to_times(texts: list[str]) -> list[str]:
    return [utc(text, NEW_YORK).isoformat() for text in texts]


@pytest.fixture
def share(two_runs) -> Series:
    execute("UPDATE data_ingest_runs SET status = 'success', symbols = '{SHARE}' WHERE id = 1")
    series = Series.objects.create(slug="share", symbol="SHARE", kind="equity", calendar=NYSE)
    times = [utc(text, NEW_YORK) for text in (*PRE, *REGULAR, *POST, *CLOSED, *MONDAY)]
    copy_bars(bar_row("SHARE", ts, number + 3) for number, ts in enumerate(times))
    return series


@pytest.mark.parametrize("limit", [1, 2, 4, 100])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_minute_bars_have_regular_bars_only(reader, share, limit, order):
    found, address = [], f"{BARS}?session=regular&limit={limit}&order={order}"
    while address:
        body = reader.get(address).json()
        assert body["session"] == "regular"
        found += [bar["ts"] for bar in body["bars"]]
        address = body["next"]
    assert found == (to_times(REGULAR_BARS) if order == "asc" else to_times(REGULAR_BARS)[::-1])


def test_all_bars_are_the_default(reader, share):
    default, everything = reader.get(BARS).json(), reader.get(BARS, {"session": "all"}).json()
    assert default == everything
    assert (default["session"], len(default["bars"])) == ("all", 13)
    assert reader.get(BARS.replace("1m", "1d")).json()["session"] == "all"


def test_a_range_of_regular_bars_is_half_open(reader, share):
    start, end = to_times(["2024-11-29 09:31", "2024-11-29 12:59"])
    body = reader.get(BARS, {"session": "regular", "start": start, "end": end}).json()
    assert [bar["ts"] for bar in body["bars"]] == [start]


@pytest.mark.parametrize("timeframe", ["1m", "5m", "1d", "1w"])
def test_a_range_may_extend_to_the_ends_of_time(reader, share, timeframe):
    address = BARS.replace("1m", timeframe)
    everything = reader.get(address, {"session": "regular"}).json()["bars"]
    assert everything
    first, last = "0001-01-01", "9999-12-31T23:59:59"
    for start, end, expected in (
        (first, last, everything),
        (None, first, []),
        (last, None, []),
        (first, "0001-01-02", []),
        ("9999-12-30", last, []),
    ):
        query = {"session": "regular", "start": start, "end": end}
        found = reader.get(address, {name: text for name, text in query.items() if text})
        assert (found.status_code, found.json()["bars"]) == (200, expected), query
        coverage = reader.get(COVERAGE, {name: text for name, text in query.items() if text})
        assert coverage.status_code == 200


@pytest.mark.parametrize("block", [1, 20_000])
@pytest.mark.parametrize("timeframe", ["1m", "5m", "1d"])
def test_files_have_the_rows_of_the_pages(reader, share, monkeypatch, timeframe, block):
    monkeypatch.setattr("marketdata.bars.blocks.EXPORT_ROWS", block)
    address = BARS.replace("1m", timeframe)
    for session in ("all", "regular"):
        rows = reader.get(address, {"session": session}).json()["bars"]
        response = reader.get(address, {"session": session, "format": "csv"})
        found = list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))
        assert [(row["ts"], row["open"], row["volume"]) for row in found] == [
            (row["ts"], row["open"], str(row["volume"])) for row in rows
        ]
        response = reader.get(address, {"session": session, "format": "parquet"})
        assert parquet.read_table(io.BytesIO(b"".join(response.streaming_content))).num_rows == len(rows)
        suffix = "-regular" if session == "regular" else ""
        assert f'"share-ohlcv-{timeframe}{suffix}.parquet"' in response["Content-Disposition"]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_regular_bars_as_of_an_earlier_time(reader, share, order):
    """Of bars that are there now, and of bars that a later run removed."""
    execute("UPDATE data_ingest_runs SET finished_at = '2024-12-03', min_ts = '2024-11-29', max_ts = '2024-12-03'")
    execute("UPDATE market_bars_ohlcv_1m SET created_at = '2024-12-03'")
    query = {"session": "regular", "as_of": "2025-01-01", "order": order}
    expected = to_times(REGULAR_BARS) if order == "asc" else to_times(REGULAR_BARS)[::-1]
    body = reader.get(BARS, query).json()
    assert ([bar["ts"] for bar in body["bars"]], body["session"]) == (expected, "regular")
    execute(
        """
        INSERT INTO market_bar_revisions (symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id,
            operation, revised_at, revised_by_id)
        SELECT symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, 'delete', '2025-06-01', 2
        FROM market_bars_ohlcv_1m WHERE symbol = 'SHARE'
        """
    )
    execute("UPDATE data_ingest_runs SET finished_at = '2025-06-01' WHERE id = 2")
    execute("DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'SHARE'")
    assert reader.get(BARS, query).json()["bars"] == body["bars"]
    del query["order"]
    file = b"".join(reader.get(BARS, {**query, "format": "csv"}).streaming_content).decode()
    assert [row["ts"] for row in csv.DictReader(io.StringIO(file))] == to_times(REGULAR_BARS)


def test_a_regular_day_is_of_its_regular_bars(reader, share):
    for session, counts in (("all", [(9, 210), (4, 390)]), ("regular", [(3, 210), (1, 390)])):
        days = reader.get(BARS.replace("1m", "1d"), {"session": session}).json()["bars"]
        assert [(day["bar_count"], day["expected"]) for day in days] == counts
    minutes = reader.get(BARS, {"session": "regular"}).json()["bars"]
    assert (days[0]["open"], days[0]["close"]) == (minutes[0]["open"], minutes[2]["close"])
    assert days[0]["volume"] == sum(minute["volume"] for minute in minutes[:3])


def test_intraday_candles_without_regular_minutes_are_omitted(reader, share):
    hours = reader.get(BARS.replace("1m", "1h"), {"session": "regular"}).json()["bars"]
    assert [(hour["ts"], hour["bar_count"], hour["expected"]) for hour in hours] == [
        (*to_times(["2024-11-29 09:30"]), 2, 60),
        (*to_times(["2024-11-29 12:30"]), 1, 30),
        (*to_times(["2024-12-02 15:30"]), 1, 30),
    ]


def summarize_days(body: dict) -> list[tuple]:
    return [(day["bars"], day["open_bars"], day["extended_bars"], day["outside_session"]) for day in body["days"]]


def test_coverage_counts_bars_in_extended_hours_apart(reader, share):
    body = reader.get(COVERAGE).json()
    assert body == reader.get(COVERAGE, {"session": "all"}).json()
    assert body["session"] == "all"
    assert summarize_days(body) == [(9, 3, 4, 2), (4, 1, 2, 1)]
    assert body["outside_session"] == to_times(["2024-11-29 03:59", *CLOSED])
    assert body["outside_session_count"] == 3
    assert [(day["expected"], day["expected_by_now"]) for day in body["days"]] == [(210, 210), (390, 390)]


def test_coverage_of_regular_hours_has_regular_bars_only(reader, share):
    everything, body = reader.get(COVERAGE).json(), reader.get(COVERAGE, {"session": "regular"}).json()
    assert body["session"] == "regular"
    assert summarize_days(body) == [(3, 3, 0, 0), (1, 1, 0, 0)]
    assert (body["outside_session_count"], body["outside_session"]) == (0, [])
    assert [[day["first"], day["last"], day["gaps"]] for day in body["days"]] == [
        [*to_times(["2024-11-29 09:30", "2024-11-29 12:59"]), 1],
        [*to_times(["2024-12-02 15:59"] * 2), 0],
    ]
    assert [day["expected"] for day in body["days"]] == [210, 390]
    assert body["missing_minutes"] == everything["missing_minutes"] == 600 - 4
    assert [(gap["after"], gap["before"], gap["open_minutes"]) for gap in body["gaps"]] == [
        (None, *to_times(["2024-11-29 09:30"]), 0),
        (*to_times(["2024-11-29 09:31", "2024-11-29 12:59"]), 207),
        (*to_times(["2024-11-29 12:59", "2024-12-02 15:59"]), 389),
        (*to_times(["2024-12-02 15:59"]), None, 0),
    ]


def test_an_extended_minute_is_never_missing(reader, share):
    """The hours between bars before the open are a closed gap."""
    start, end = to_times(["2024-11-29 04:00", "2024-11-29 09:30"])
    gaps = reader.get(COVERAGE, {"start": start, "end": end}).json()["gaps"]
    assert [(gap["minutes"], gap["open_minutes"]) for gap in gaps] == [(328, 0)]


ADDRESSES = [BARS, BARS.replace("1m", "5m"), BARS.replace("1m", "1w"), COVERAGE]


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("form", [{}, {"format": "csv"}, {"format": "parquet"}])
def test_another_session_is_refused(reader, share, address, form):
    for text in ("extended", "Regular", "", "regular "):
        response = reader.get(address, {"session": text} | (form if address != COVERAGE else {}))
        assert (response.status_code, response.json()) == (400, {"session": [f"'{text}' is not one of all, regular."]})


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("form", [{}, {"format": "csv"}])
def test_regular_hours_need_a_calendar(reader, share, address, form):
    query = {"session": "regular"} | (form if address != COVERAGE else {})
    Series.objects.filter(pk=share.pk).update(calendar="")
    response = reader.get(address, query)
    assert response.status_code == 400
    assert response.json() == {
        "session": [
            "Series share has no trading calendar, so its regular hours are unknown: set a calendar in the admin."
        ]
    }
    assert reader.get(address, {"session": "all"}).status_code == 200
    Series.objects.filter(pk=share.pk).update(calendar="Mars")
    assert reader.get(address, query).status_code == 409


def test_a_series_without_bars_has_no_regular_ones(reader, market_db):
    for timeframe in ("1m", "5m", "1d"):
        body = reader.get(f"/api/market-data/mnq/ohlcv-{timeframe}/bars", {"session": "regular"}).json()
        assert (body["session"], body["bars"]) == ("regular", [])
    body = reader.get("/api/market-data/mnq/coverage", {"session": "regular"}).json()
    assert (body["session"], body["days"]) == ("regular", [])
