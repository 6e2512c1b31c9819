"""Pages and ranges of candles, compared with slices of all candles."""

import random
from datetime import UTC, date, datetime, timedelta

import pytest

from config.testing.clocks import NYSE
from config.testing.reference.candles import WEEKS, aggregate_slowly, insert_random_bars, read_all, summarize
from marketdata.calendars.hours import Hours
from marketdata.candles.periods import TIMEFRAMES
from marketdata.candles.query import read_candle_page
from marketdata.models import Series

MAX_PAGES = 40  # that are read of small pages


@pytest.mark.parametrize("timeframe", ["5m", "1h", "4h", "1d", "1w"])
def test_pages_of_any_size_contain_the_same_candles_in_both_orders(series, timeframe):
    insert_random_bars(series, WEEKS["autumn"], days=6)
    candles = read_all(series, timeframe)
    for limit in (1, 2, 7, len(candles), len(candles) + 1):
        for descending in (False, True):
            found, after, pages = [], None, 0
            while True:
                page, after = read_candle_page(
                    series, timeframe, start=None, end=None, after=after, descending=descending, limit=limit
                )
                found += page
                pages += 1
                if after is None or pages == MAX_PAGES:
                    break
            ordered = list(reversed(candles)) if descending else candles
            assert found == ordered[: len(found)]
            assert len(found) == min(len(candles), MAX_PAGES * limit)


@pytest.mark.parametrize(("calendar", "timeframe"), [(NYSE, "5m"), (NYSE, "4h"), ("JPX", "1h"), (NYSE, "1d")])
def test_pages_of_regular_hours_contain_the_same_candles_in_both_orders(market_db, calendar, timeframe):
    series = Series.objects.create(slug="some", symbol="SOME", calendar=calendar)
    bars = insert_random_bars(series, WEEKS["Thanksgiving"])
    expected = aggregate_slowly(bars, calendar, timeframe, Hours.REGULAR)
    for limit in (1, 7, len(expected)):
        for descending in (False, True):
            found, after = [], None
            while not found or after:
                page, after = read_candle_page(
                    series, timeframe, start=None, end=None, after=after, descending=descending, limit=limit,
                    hours=Hours.REGULAR,
                )  # fmt: skip
                found += page
            assert summarize(found) == (expected[::-1] if descending else expected)


@pytest.mark.parametrize("timeframe", ["15m", "1h", "1d", "1w"])
def test_a_range_is_of_timestamps_and_its_candles_are_complete(series, timeframe):
    insert_random_bars(series, WEEKS["spring"])
    candles = read_all(series, timeframe)
    chance = random.Random(4)
    for _ in range(20):
        start, end = sorted(candles[0].ts + timedelta(minutes=chance.randrange(-3_000, 20_000)) for _ in range(2))
        for descending in (False, True):
            page, _ = read_candle_page(
                series, timeframe, start=start, end=end, after=None, descending=descending, limit=10_000
            )
            inside = [candle for candle in candles if start <= candle.ts < end]
            assert page == (inside[::-1] if descending else inside)


def test_a_series_without_bars_has_no_candles(series):
    for timeframe in TIMEFRAMES:
        assert read_all(series, timeframe) == []


EXTREMES = [datetime.min.replace(tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_a_range_may_extend_to_the_ends_of_time(series, timeframe):
    insert_random_bars(series, date(2024, 7, 1), days=2)
    first, last = EXTREMES
    all_candles = {"after": None, "descending": False, "limit": 10_000}
    expected = read_candle_page(series, timeframe, start=None, end=None, **all_candles)
    assert expected[0]
    assert read_candle_page(series, timeframe, start=first, end=last, **all_candles) == expected
    assert read_candle_page(series, timeframe, start=last, end=None, **all_candles) == ([], None)
    for after, descending, found in ((first, False, expected[0]), (last, False, []), (first, True, [])):
        arguments = {"after": after, "descending": descending, "limit": 10_000}
        assert read_candle_page(series, timeframe, start=None, end=None, **arguments)[0] == found
