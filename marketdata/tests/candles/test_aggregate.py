"""Candles, compared with those computed bar by bar."""

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.clocks import CME, NEW_YORK, NYSE, utc
from config.testing.reference.candles import (
    WEEKS,
    aggregate_slowly,
    find_period,
    insert_random_bars,
    read_all,
    summarize,
)
from config.testing.rollup import bar_row, insert_bars
from marketdata.calendars.hours import Hours
from marketdata.candles.periods import TIMEFRAMES
from marketdata.candles.query import read_candle_page
from marketdata.models import Bar, IngestRun, Series


def test_every_candle_is_computed_from_its_bars(series, first_day, hours):
    bars = insert_random_bars(series, first_day)
    for timeframe in TIMEFRAMES:
        expected = aggregate_slowly(bars, series.calendar, timeframe, hours)
        assert summarize(read_all(series, timeframe, hours)) == expected, timeframe


def test_a_candle_is_forming_until_its_period_is_over(series):
    insert_random_bars(series, WEEKS["autumn"], days=2)
    now = datetime(2024, 11, 1, 12, 34, tzinfo=UTC)
    for timeframe in TIMEFRAMES:
        page, _ = read_candle_page(
            series, timeframe, start=None, end=None, after=None, descending=False, limit=1000, now=now
        )
        assert page, timeframe
        for candle in page:
            # The timestamp of a day is within it, also where the day begins before it.
            assert candle.forming is (find_period(candle.ts, series.calendar, timeframe).end > now), (timeframe, candle)


@pytest.mark.parametrize(
    ("calendar", "start"),
    [
        ("BSE", date(2024, 10, 30)),  # Bombay: UTC and a half, with an evening session on a holiday
        ("JPX", date(2024, 11, 1)),  # a lunch break; the close moves from 15:00 to 15:30
        (CME, date(2012, 11, 12)),  # days that begin at 15:30 in Chicago, the last of them
        (CME, date(2020, 3, 8)),  # circuit breakers
    ],
)
def test_exchanges_that_do_not_open_at_full_hours(market_db, calendar, start, hours):
    series = Series.objects.create(slug="some", symbol="SO%ME", calendar=calendar)
    bars = insert_random_bars(series, start, days=6)
    for timeframe in TIMEFRAMES:
        expected = aggregate_slowly(bars, calendar, timeframe, hours)
        assert summarize(read_all(series, timeframe, hours)) == expected, timeframe


@pytest.mark.parametrize("timeframe", ["4h", "1d", "1w"])
def test_a_regular_candle_forms_until_the_regular_close(two_runs, timeframe):
    """New York on a Friday, half an hour after the close of 16:00; it trades until 20:00."""
    series = Series.objects.create(slug="some", symbol="SOME", calendar=NYSE)
    bars = [utc(f"2024-07-12 {clock}", NEW_YORK) for clock in ("15:58", "16:10")]
    insert_bars([bar_row(series.symbol, bar, 1) for bar in bars])
    for now, hours, counts in (
        ("15:59", Hours.ALL, (2, True)),
        ("15:59", Hours.REGULAR, (1, True)),
        ("16:00", Hours.REGULAR, (1, False)),
        ("16:30", Hours.ALL, (2, True)),
        ("20:00", Hours.ALL, (2, False)),
    ):
        if (timeframe, now) == ("4h", "20:00"):
            continue  # the candle ends at 17:30
        ((candle,), _) = read_candle_page(
            series, timeframe, start=None, end=None, after=None, descending=True, limit=1, hours=hours,
            now=utc(f"2024-07-12 {now}", NEW_YORK),
        )  # fmt: skip
        assert (candle.bar_count, candle.forming) == counts, (now, hours)


def read_tables(series: Series, timeframe: str, hours: Hours = Hours.ALL) -> set[str]:
    """The tables that the candles of a series are aggregated from."""
    with CaptureQueriesContext(connection) as queries:
        assert read_all(series, timeframe, hours)
    statements = [query["sql"] for query in queries if "trim_scale" in query["sql"]]
    return {table for statement in statements for table in re.findall(r"market_bars_ohlcv_(1.)", statement)}


@pytest.mark.parametrize(
    ("calendar", "timeframe", "hours", "tables"),
    [
        (CME, "30m", Hours.ALL, {"1m"}),
        (CME, "1h", Hours.ALL, {"1h"}),
        (CME, "1d", Hours.ALL, {"1h"}),
        (CME, "1w", Hours.REGULAR, {"1h"}),
        (NYSE, "1h", Hours.ALL, {"1m"}),
        (NYSE, "4h", Hours.ALL, {"1h", "1m"}),
        (NYSE, "1d", Hours.ALL, {"1h"}),
        (NYSE, "1d", Hours.REGULAR, {"1h", "1m"}),
        ("", "4h", Hours.ALL, {"1h"}),
    ],
)
def test_whole_hours_are_read_from_the_rollup(market_db, calendar, timeframe, hours, tables):
    series = Series.objects.create(slug="some", symbol="SOME", calendar=calendar)
    insert_random_bars(series, WEEKS["autumn"], days=2)
    assert read_tables(series, timeframe, hours) == tables


def test_a_day_of_mourning_has_a_daily_candle_of_its_own(market_db):
    """Grains traded until 12:15 on 9 January 2025. Its bars were in the candle of the 10th."""
    corn = Series.objects.create(slug="corn", symbol="ZCH2025", calendar="CBOT_Agriculture")
    run = IngestRun.objects.create(file_name="f", file_path="f", started_at=datetime(2025, 2, 1, tzinfo=UTC))
    for day, minutes in ((8, 290), (9, 225), (10, 290)):
        opening = datetime(2025, 1, day, 14, 30, tzinfo=UTC)  # 08:30 in Chicago
        for ts in (opening + timedelta(minutes=minute) for minute in range(minutes)):
            price = 450 + day
            Bar.objects.create(
                symbol=corn.symbol,
                ts=ts,
                ts_ms=int(ts.timestamp() * 1000),
                open=price,
                high=price,
                low=price,
                close=price,
                volume=10,
                ingestion_run=run,
            )
    candles = [
        (candle.session_date, candle.close, candle.volume, candle.expected)
        for candle in read_all(corn, "1d", Hours.ALL)
    ]
    assert candles == [
        (date(2025, 1, 8), "458", 2900, 1055),
        (date(2025, 1, 9), "459", 2250, 990),
        (date(2025, 1, 10), "460", 2900, 1055),
    ]


def test_ranges_are_found_by_the_key_whatever_the_statistics_are(two_runs):
    """Half an hour of each day and six hours of the rollup, from tables that were empty when they were analysed."""
    series = Series.objects.create(slug="some", symbol="SOME", calendar=NYSE)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE market_bars_ohlcv_1m, market_bars_ohlcv_1h")
    insert_bars([bar_row("SOME", utc(f"2024-07-{day} 09:45", NEW_YORK), 1) for day in range(10, 27)])
    with CaptureQueriesContext(connection) as queries:
        assert len(read_all(series, "1d", Hours.REGULAR)) == 13
    statement = next(query["sql"] for query in queries if "unnest" in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute("EXPLAIN " + statement)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Join Filter" not in plan
