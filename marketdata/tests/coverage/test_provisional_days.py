"""Days with bars of the live feed that history does not confirm yet."""

from datetime import UTC, datetime, timedelta

import pytest

from config.testing.rows import BARS, RUNS, insert
from marketdata.coverage.provisional_days import find_provisional_days
from marketdata.coverage.report import read_coverage
from marketdata.models import Series, SeriesDay

FIRST = datetime(2024, 1, 2, tzinfo=UTC)  # UTC days: 2, 3 and 4 January


@pytest.fixture
def series(market_db):
    """Bars of three UTC days; the live feed brought those of the last two."""
    series = Series.objects.create(slug="now", symbol="NOW", dataset="GLBX.MDP3")
    insert("market_feed_sessions", id=1, started_at="2024-01-01 00:00:00+00")
    insert("market_feed_session_series", series_id=series.pk, session_id=1)
    insert(RUNS, id=1, symbols=["NOW"])
    insert(RUNS, id=2, symbols=["NOW"], kind="live", feed_session_id=1)
    for day, run in ((0, 1), (1, 2), (2, 2)):
        ts = FIRST + timedelta(days=day, hours=12)
        milliseconds = int(ts.timestamp()) * 1000
        insert(BARS, symbol="NOW", ts=ts, ts_ms=milliseconds, ingestion_run_id=run)
    return series


def find(series):
    days = read_coverage(series, start=FIRST, end=FIRST + timedelta(days=3)).days
    return find_provisional_days(series, days)


def confirm(series, day, until):
    SeriesDay.objects.create(
        series=series, day=day.date(), covered_until=until, records=1, condition="available", confirmed_at=until
    )


def test_days_of_the_live_feed_are_provisional(series):
    assert find(series) == [False, True, True]


def test_history_confirms_a_day(series):
    day = FIRST + timedelta(days=1)
    confirm(series, day, day + timedelta(days=1))
    assert find(series) == [False, False, True]


@pytest.mark.parametrize(("hours", "expected"), [(12, True), (13, False)])
def test_history_can_end_within_a_day(series, hours, expected):
    day = FIRST + timedelta(days=1)
    confirm(series, day, day + timedelta(hours=hours))
    assert find(series) == [False, expected, True]


def test_a_series_without_live_bars_reads_no_bars(series, django_assert_num_queries):
    mnq = Series.objects.get(slug="mnq")
    days = read_coverage(series, start=FIRST, end=FIRST + timedelta(days=3)).days
    with django_assert_num_queries(2):
        assert find_provisional_days(mnq, days) == [False] * 3


def test_the_api_states_it(series, admin_client):
    body = admin_client.get("/api/market-data/now/coverage").json()
    assert [day["provisional"] for day in body["days"]] == [False, True, True]


def read_ranges(client, timeframe, **parameters):
    page = client.get(f"/api/market-data/now/ohlcv-{timeframe}/bars", parameters).json()
    return [(one["start"][:16], one["end"][:16]) for one in page["provisional"]]


@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_bars_have_the_ranges(series, admin_client, order):
    assert read_ranges(admin_client, "1m", order=order) == [("2024-01-03T12:00", "2024-01-04T12:01")]
    confirm(series, FIRST + timedelta(days=1), FIRST + timedelta(days=2))
    assert read_ranges(admin_client, "1m", order=order) == [("2024-01-04T12:00", "2024-01-04T12:01")]
    assert read_ranges(admin_client, "1m", end="2024-01-03") == []
    assert read_ranges(admin_client, "1m", as_of="2024-02-02") == []


@pytest.mark.parametrize(("timeframe", "hour"), [("5m", 12), ("1h", 12), ("1d", 0)])
def test_pages_of_candles_have_the_ranges(series, admin_client, timeframe, hour):
    expected = (f"2024-01-03T{hour:02}:00", f"2024-01-04T{hour:02}:01")
    assert read_ranges(admin_client, timeframe) == [expected]
    assert read_ranges(admin_client, timeframe, order="desc") == [expected]
    confirm(series, FIRST + timedelta(days=2), FIRST + timedelta(days=3))
    assert read_ranges(admin_client, timeframe) == [(expected[0], f"2024-01-03T{hour:02}:01")]
