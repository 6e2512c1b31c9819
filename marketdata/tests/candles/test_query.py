"""Candles against a slow, obvious second way: bar by bar, period by period, on weeks in which much goes wrong."""

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketdata.calendars.trading_days import TradingDay, find_trading_day, find_trading_days, to_monday
from marketdata.candles.count import count_candles
from marketdata.candles.periods import INTRADAY, TIMEFRAMES
from marketdata.candles.query import iterate_candles, read_candle_page
from marketdata.models import Bar, IngestRun, Series

MINUTE = timedelta(minutes=1)
CME, NYSE, NONE = "CME Globex Equity", "NYSE", ""

# Both changes of the clock, a half day with a holiday before it, holidays that bridge two years.
WEEKS = {
    "spring": date(2024, 3, 7),
    "autumn": date(2024, 10, 31),
    "Thanksgiving": date(2024, 11, 26),
    "Christmas to New Year": date(2024, 12, 23),
}


@pytest.fixture(params=WEEKS)
def first_day(request) -> date:
    return WEEKS[request.param]


@pytest.fixture(params=[CME, NYSE, NONE], ids=["CME", "NYSE", "no calendar"])
def series(request, market_db) -> Series:
    return Series.objects.create(slug="some", symbol="SOME", calendar=request.param)


def fill(series: Series, first_day: date, *, days: int = 9, seed: int = 1) -> list[Bar]:
    """Minutes at random: some hours full, some with a few bars, many empty; weekends and holidays too."""
    chance = random.Random(seed)
    start = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    minutes = []
    for hour in range(days * 24):
        share = chance.choice([0, 0, 0, 0.1, 0.5, 1])
        minutes += [hour * 60 + minute for minute in range(60) if chance.random() < share]
    run = IngestRun.objects.create(file_name="f", file_path="f", started_at=start)
    bars = []
    for minute in minutes:
        ts = start + minute * MINUTE
        low = Decimal(chance.randrange(10_000, 20_000)) / 8
        prices = sorted([low + Decimal(chance.randrange(80)) / 4 for _ in range(2)])
        bars.append(
            Bar(
                symbol=series.symbol,
                ts=ts,
                ts_ms=int(ts.timestamp() * 1000),
                open=prices[0],
                high=prices[1] + 1,
                low=low,
                close=prices[1],
                volume=chance.randrange(2**62),
                ingestion_run=run,
            )
        )
    Bar.objects.bulk_create(bars)
    return bars


def slowly(bars: list[Bar], calendar: str, timeframe: str) -> list[tuple]:
    """Each bar looks for its period by itself."""
    held: dict[Period, list[Bar]] = {}
    for bar in bars:
        held.setdefault(period_of(bar.ts, calendar, timeframe), []).append(bar)
    return [
        (
            period.label,
            period.date,
            *(exact(value) for value in prices_of(inside)),
            sum(int(bar.volume) for bar in inside),
            len(inside),
            open_minutes(find_trading_days(calendar, period.start, period.end), period.start, period.end),
        )
        for period, inside in sorted(held.items())
    ]


class Period(NamedTuple):
    label: datetime
    date: date
    start: datetime
    end: datetime


def period_of(ts: datetime, calendar: str, timeframe: str) -> Period:
    """The stretch of time whose candle a minute belongs to."""
    day = find_trading_day(calendar, ts)
    if timeframe == "1d":
        return Period(day.ts, day.date, day.start, day.end)
    if timeframe == "1w":
        around = find_trading_days(calendar, ts - timedelta(days=20), ts + timedelta(days=20))
        week = [one for one in around if to_monday(one.date) == to_monday(day.date)]
        return Period(week[0].ts, to_monday(day.date), week[0].start, week[-1].end)
    length = INTRADAY[timeframe] * MINUTE
    edge = day.open
    while edge > ts:
        edge -= length
    while edge + length <= ts:
        edge += length
    start = max(edge, day.start)
    return Period(start, day.date, start, min(edge + length, day.end))


def open_minutes(days: list[TradingDay], start: datetime, end: datetime) -> int:
    spans = [span for day in days for span in day.spans]
    minutes = (start + number * MINUTE for number in range((end - start) // MINUTE))
    return sum(any(opened <= minute < closed for opened, closed in spans) for minute in minutes)


def prices_of(bars: list[Bar]) -> tuple[Decimal, ...]:
    return bars[0].open, max(bar.high for bar in bars), min(bar.low for bar in bars), bars[-1].close


def exact(price: Decimal) -> str:
    return format(price.normalize(), "f")


def told(candles) -> list[tuple]:
    return [(*candle[:6], int(candle.volume), *candle[7:9]) for candle in candles]


def everything(series: Series, timeframe: str) -> list:
    return [candle for block in iterate_candles(series, timeframe, start=None, end=None) for candle in block]


def test_every_candle_is_what_its_bars_are(series, first_day):
    bars = fill(series, first_day)
    for timeframe in TIMEFRAMES:
        expected = slowly(bars, series.calendar, timeframe)
        assert told(everything(series, timeframe)) == expected, timeframe
        assert count_candles(series, timeframe) == len(expected), timeframe


@pytest.mark.parametrize("timeframe", ["5m", "1h", "4h", "1d", "1w"])
def test_pages_of_every_size_hold_the_same_candles_in_both_orders(series, timeframe):
    fill(series, WEEKS["autumn"], days=6)
    whole = everything(series, timeframe)
    for limit in (1, 2, 7, len(whole), len(whole) + 1):
        for descending in (False, True):
            found, after, pages = [], None, 0
            while True:
                page, after = read_candle_page(
                    series, timeframe, start=None, end=None, after=after, descending=descending, limit=limit
                )
                found += page
                pages += 1
                if after is None or pages > 40:
                    break
            complete = list(reversed(whole)) if descending else whole
            assert found == complete[: len(found)]
            assert len(found) == len(whole) or pages > 40


@pytest.mark.parametrize("timeframe", ["15m", "1h", "1d", "1w"])
def test_a_range_is_by_the_stamps_and_its_candles_are_whole(series, timeframe):
    fill(series, WEEKS["spring"])
    whole = everything(series, timeframe)
    chance = random.Random(4)
    for _ in range(20):
        start, end = sorted(whole[0].ts + timedelta(minutes=chance.randrange(-3_000, 20_000)) for _ in range(2))
        for descending in (False, True):
            page, _ = read_candle_page(
                series, timeframe, start=start, end=end, after=None, descending=descending, limit=10_000
            )
            inside = [candle for candle in whole if start <= candle.ts < end]
            assert page == (inside[::-1] if descending else inside)


def test_a_candle_is_forming_until_its_period_is_over(series):
    fill(series, WEEKS["autumn"], days=2)
    now = datetime(2024, 11, 1, 12, 34, tzinfo=UTC)
    for timeframe in TIMEFRAMES:
        page, _ = read_candle_page(
            series, timeframe, start=None, end=None, after=None, descending=False, limit=1000, now=now
        )
        for candle in page:
            # The stamp of a day is within it, also where the day begins before.
            assert candle.forming is (period_of(candle.ts, series.calendar, timeframe).end > now), (timeframe, candle)


def test_a_series_without_bars_has_no_candles(series):
    for timeframe in TIMEFRAMES:
        assert everything(series, timeframe) == []
        assert count_candles(series, timeframe) == 0


@pytest.mark.parametrize("timeframe, by_hours", [("30m", ()), ("1h", (CME, NONE)), ("1d", (CME, NYSE, NONE))])
def test_the_ledger_is_read_where_periods_lie_on_whole_hours(series, timeframe, by_hours):
    fill(series, WEEKS["autumn"], days=2)
    with CaptureQueriesContext(connection) as asked:
        everything(series, timeframe)
    [gathers] = {
        query["sql"].split("FROM market_bars_ohlcv_")[1][:2] for query in asked if "trim_scale" in query["sql"]
    }
    assert gathers == ("1h" if series.calendar in by_hours else "1m")


EXTREMES = [datetime.min.replace(tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)]


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_a_range_may_reach_to_the_ends_of_time(series, timeframe):
    fill(series, date(2024, 7, 1), days=2)
    first, last = EXTREMES
    whole = {"after": None, "descending": False, "limit": 10_000}
    everything = read_candle_page(series, timeframe, start=None, end=None, **whole)
    assert everything[0]
    assert read_candle_page(series, timeframe, start=first, end=last, **whole) == everything
    assert read_candle_page(series, timeframe, start=last, end=None, **whole) == ([], None)
    for after, descending, found in ((first, False, everything[0]), (last, False, []), (first, True, [])):
        wanted = {"after": after, "descending": descending, "limit": 10_000}
        assert read_candle_page(series, timeframe, start=None, end=None, **wanted)[0] == found


def test_a_count_is_read_once_and_again_when_other_minutes_have_bars(series):
    bars = fill(series, date(2024, 7, 1), days=2)
    with CaptureQueriesContext(connection) as first:
        count = count_candles(series, "5m")
    with CaptureQueriesContext(connection) as again:
        assert count_candles(series, "5m") == count
    assert len(again) == 1 < len(first)

    of_one_bar = next(ts for ts, held in buckets(bars).items() if len(held) == 1)
    Bar.objects.filter(ts__range=(of_one_bar, of_one_bar + 4 * MINUTE)).update(volume=1)
    assert count_candles(series, "5m") == count
    late = Bar.objects.latest("ts").ts + timedelta(hours=2)
    Bar.objects.filter(ts__range=(of_one_bar, of_one_bar + 4 * MINUTE)).update(
        ts=late, ts_ms=int(late.timestamp()) * 1000
    )
    assert count_candles(series, "5m") == count  # as many, at other times
    Bar.objects.filter(ts=late).delete()
    assert count_candles(series, "5m") == count - 1


def buckets(bars: list[Bar]) -> dict[datetime, list[Bar]]:
    """Five minutes each; every calendar's open lies on them."""
    held: dict[datetime, list[Bar]] = {}
    for bar in bars:
        held.setdefault(bar.ts - timedelta(minutes=bar.ts.minute % 5), []).append(bar)
    return held
