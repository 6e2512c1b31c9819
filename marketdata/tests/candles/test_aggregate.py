"""Candles, compared with those computed bar by bar."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.clocks import CME, NYSE
from config.testing.reference.candles import (
    WEEKS,
    aggregate_slowly,
    find_period,
    insert_random_bars,
    read_all,
    summarize,
)
from marketdata.candles.periods import TIMEFRAMES
from marketdata.candles.query import read_candle_page
from marketdata.models import Bar, IngestRun, Series


def test_every_candle_is_computed_from_its_bars(series, first_day):
    bars = insert_random_bars(series, first_day)
    for timeframe in TIMEFRAMES:
        expected = aggregate_slowly(bars, series.calendar, timeframe)
        assert summarize(read_all(series, timeframe)) == expected, timeframe


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


@pytest.mark.parametrize(("timeframe", "by_hours"), [("30m", ()), ("1h", (CME, "")), ("1d", (CME, NYSE, ""))])
def test_the_rollup_is_read_where_periods_are_aligned_to_hours(series, timeframe, by_hours):
    insert_random_bars(series, WEEKS["autumn"], days=2)
    with CaptureQueriesContext(connection) as queries:
        read_all(series, timeframe)
    [table] = {
        query["sql"].split("FROM market_bars_ohlcv_")[1][:2] for query in queries if "trim_scale" in query["sql"]
    }
    assert table == ("1h" if series.calendar in by_hours else "1m")


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
    candles = [(candle.session_date, candle.close, candle.volume, candle.expected) for candle in read_all(corn, "1d")]
    assert candles == [
        (date(2025, 1, 8), "458", 2900, 1055),
        (date(2025, 1, 9), "459", 2250, 990),
        (date(2025, 1, 10), "460", 2900, 1055),
    ]
