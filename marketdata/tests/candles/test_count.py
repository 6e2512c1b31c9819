"""Counts of candles, and when they are read again."""

from datetime import date, datetime, timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.reference.candles import MINUTE, insert_random_bars, read_all
from marketdata.candles.count import count_candles
from marketdata.candles.periods import TIMEFRAMES
from marketdata.models import Bar


def test_the_count_equals_the_number_of_candles(series, first_day):
    insert_random_bars(series, first_day)
    for timeframe in TIMEFRAMES:
        assert count_candles(series, timeframe) == len(read_all(series, timeframe)), timeframe


def test_a_series_without_bars_has_no_candles(series):
    for timeframe in TIMEFRAMES:
        assert count_candles(series, timeframe) == 0


def test_a_count_is_read_once_and_again_when_other_minutes_have_bars(series):
    bars = insert_random_bars(series, date(2024, 7, 1), days=2)
    with CaptureQueriesContext(connection) as first:
        count = count_candles(series, "5m")
    with CaptureQueriesContext(connection) as again:
        assert count_candles(series, "5m") == count
    assert len(again) == 1 < len(first)

    start = next(ts for ts, inside in group_by_five_minutes(bars).items() if len(inside) == 1)
    Bar.objects.filter(ts__range=(start, start + 4 * MINUTE)).update(volume=1)
    assert count_candles(series, "5m") == count
    late = Bar.objects.latest("ts").ts + timedelta(hours=2)
    Bar.objects.filter(ts__range=(start, start + 4 * MINUTE)).update(ts=late, ts_ms=int(late.timestamp()) * 1000)
    assert count_candles(series, "5m") == count  # as many candles, at other times
    Bar.objects.filter(ts=late).delete()
    assert count_candles(series, "5m") == count - 1


def group_by_five_minutes(bars: list[Bar]) -> dict[datetime, list[Bar]]:
    """Every calendar opens at a multiple of five minutes, so these are the periods."""
    by_start: dict[datetime, list[Bar]] = {}
    for bar in bars:
        by_start.setdefault(bar.ts - timedelta(minutes=bar.ts.minute % 5), []).append(bar)
    return by_start
