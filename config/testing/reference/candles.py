"""Candles computed a slow and obvious way: bar by bar, period by period, in weeks with irregular trading days."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from config.testing.rollup import copy_bars
from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import TradingDay, find_trading_day, find_trading_days
from marketdata.calendars.weeks import find_week_date
from marketdata.candles.aggregate import Candle
from marketdata.candles.periods import INTRADAY
from marketdata.candles.query import iterate_candles
from marketdata.models import Bar, IngestRun, Series

MINUTE = timedelta(minutes=1)

# Both changes of the clocks, a half day after a holiday, and holidays at the end of a year.
WEEKS = {
    "spring": date(2024, 3, 7),
    "autumn": date(2024, 10, 31),
    "Thanksgiving": date(2024, 11, 26),
    "Christmas to New Year": date(2024, 12, 23),
}


def insert_random_bars(series: Series, first_day: date, *, days: int = 9, seed: int = 1) -> list[Bar]:
    """Bars of random minutes, in weekends and holidays too: some hours are full, some have a few bars, many none."""
    chance = random.Random(seed)
    start = datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC)
    minutes = []
    for hour in range(days * 24):
        share = chance.choice([0, 0, 0, 0.1, 0.5, 1])
        minutes += [hour * 60 + minute for minute in range(60) if chance.random() < share]
    run = IngestRun.objects.create(file_name="f", file_path="f", started_at=start)
    bars: list[Bar] = []
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
    # A COPY takes a third of the time that `bulk_create` takes.
    copy_bars(
        (bar.symbol, bar.ts, bar.ts_ms, bar.open, bar.high, bar.low, bar.close, bar.volume, run.pk) for bar in bars
    )
    return bars


def aggregate_slowly(bars: list[Bar], calendar: str, timeframe: str, hours: Hours = Hours.ALL) -> list[tuple]:
    """The candles of the bars, which are in time order, in the form of `summarize`; each bar is looked at by itself."""
    by_period: dict[Period, list[Bar]] = {}
    period = None
    for bar in bars:
        if hours is Hours.REGULAR and not is_regular_minute(bar.ts, calendar):
            continue
        if period is None or bar.ts >= period.end:
            period = find_period(bar.ts, calendar, timeframe)
        by_period.setdefault(period, []).append(bar)
    return [
        (
            period.label,
            period.date,
            *(format_slowly(value) for value in aggregate_prices(inside)),
            sum(int(bar.volume) for bar in inside),
            len(inside),
            count_open_slowly(find_trading_days(calendar, period.start, period.end), period.start, period.end),
        )
        for period, inside in sorted(by_period.items())
    ]


def is_regular_minute(ts: datetime, calendar: str) -> bool:
    """Whether the exchange was in its regular hours at a minute."""
    return any(opened <= ts < closed for opened, closed in find_trading_day(calendar, ts).spans)


class Period(NamedTuple):
    label: datetime
    date: date
    start: datetime
    end: datetime


def find_period(ts: datetime, calendar: str, timeframe: str) -> Period:
    """The period of the candle that a minute belongs to."""
    day = find_trading_day(calendar, ts)
    if timeframe == "1d":
        return Period(day.ts, day.date, day.start, day.end)
    if timeframe == "1w":
        around = find_trading_days(calendar, ts - timedelta(days=20), ts + timedelta(days=20))
        week_date = find_week_date(calendar, day.date)
        week = [one for one in around if find_week_date(calendar, one.date) == week_date]
        return Period(week[0].ts, week_date, week[0].start, week[-1].end)
    length = INTRADAY[timeframe] * MINUTE
    edge = day.open
    while edge > ts:
        edge -= length
    while edge + length <= ts:
        edge += length
    start = max(edge, day.start)
    return Period(start, day.date, start, min(edge + length, day.end))


def count_open_slowly(days: list[TradingDay], start: datetime, end: datetime) -> int:
    """How many minutes of [start, end) are within a span, one at a time."""
    spans = [span for day in days for span in day.spans]
    minutes = (start + number * MINUTE for number in range((end - start) // MINUTE))
    return sum(any(opened <= minute < closed for opened, closed in spans) for minute in minutes)


def aggregate_prices(bars: list[Bar]) -> tuple[Decimal, ...]:
    """Open, high, low and close of bars in time order."""
    return bars[0].open, max(bar.high for bar in bars), min(bar.low for bar in bars), bars[-1].close


def format_slowly(price: Decimal) -> str:
    """The price as text without trailing zeros."""
    return format(price.normalize(), "f")


def summarize(candles: list[Candle]) -> list[tuple]:
    """All values but `forming`, the volume as an integer."""
    return [(*candle[:6], int(candle.volume), *candle[7:9]) for candle in candles]


def read_all(series: Series, timeframe: str, hours: Hours = Hours.ALL) -> list[Candle]:
    """All candles of the series."""
    blocks = iterate_candles(series, timeframe, start=None, end=None, hours=hours)
    return [candle for block in blocks for candle in block]
