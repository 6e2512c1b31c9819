"""The candles of a request: one page, or all of a range."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.utils import timezone

from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.hours import Hours
from marketdata.candles.aggregate import read_candles
from marketdata.candles.columns import Candle, Candles
from marketdata.candles.periods import INTRADAY, Periods, find_periods
from marketdata.models import Bar, Series
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.timestamps import from_seconds

_MINUTE = timedelta(minutes=1)
_DAY_MINUTES = 24 * 60
_MAX_REACH = timedelta(days=30)


def read_candle_page(series: Series, timeframe: str, **page: Any) -> tuple[list[Candle], datetime | None]:
    """The candles of `read_candle_columns` as objects."""
    candles, after = read_candle_columns(series, timeframe, **page)
    return candles.to_list(), after


def read_candle_columns(
    series: Series,
    timeframe: str,
    *,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
    hours: Hours = Hours.ALL,
    now: datetime | None = None,
) -> tuple[Candles, datetime | None]:
    """Up to `limit` candles whose timestamp is in [start, end), and the `after` of the next page, None at the end.

    They come in time order, or the reverse with `descending`, and follow the candle at `after`. Each candle is
    complete: it includes bars of its period outside the range. With `Hours.REGULAR` only bars in regular hours count.
    All times are UTC; `now` decides which candle is forming. Raises `UnknownCalendar` if the series' calendar is
    unknown. Any page reads about as many bars, or hours, as its candles contain.
    """
    found = Candles.make_empty()
    bounds = get_first_and_last(series)
    if bounds is None:
        return found, None
    lowest, highest, after = _clamp(start), _clamp(end), _clamp(after)
    if after is not None:
        lowest, highest = (lowest, after) if descending else (after + _MINUTE, highest)
    search = _Search(series, timeframe, hours, bounds, descending)
    now = now or timezone.now()
    for periods in search.iterate_windows(lowest, highest, limit + 1):
        candles = read_candles(series.symbol, periods, now=now).clip(lowest, highest)
        found += candles[::-1] if descending else candles
        if len(found) > limit:
            return found[:limit], from_seconds(found.ts[limit - 1])
    return found, None


def iterate_candles(
    series: Series,
    timeframe: str,
    *,
    start: datetime | None,
    end: datetime | None,
    hours: Hours = Hours.ALL,
    block: int = 5_000,
) -> Iterator[list[Candle]]:
    """The candles of the range in time order, in blocks, so that memory stays constant for any range."""
    after = None
    while True:
        candles, after = read_candle_page(
            series, timeframe, start=start, end=end, after=after, descending=False, limit=block, hours=hours
        )
        if candles:
            yield candles
        if after is None:
            return


def _clamp(moment: datetime | None) -> datetime | None:
    """The nearest time that a candle can have: adding to a time near the end of Python's dates would overflow."""
    return moment and min(max(moment, EARLIEST - _MAX_REACH), LATEST + _MAX_REACH)


@dataclass(frozen=True)
class _Search:
    """Which periods to read: from one end of the bars to the other. The primary key skips ranges without bars."""

    series: Series
    timeframe: str
    hours: Hours
    bounds: tuple[datetime, datetime]  # first and last bar
    descending: bool

    def iterate_windows(self, lowest: datetime | None, highest: datetime | None, count: int) -> Iterator[Periods]:
        """Complete periods. The first window has `count` candles if no bars are missing; each next window doubles."""
        first, last = self.bounds
        reach_before, reach_after = _find_reach(self.timeframe)
        low = max(first, lowest - reach_before) if lowest else first
        high = min(last, highest + reach_after) if highest else last
        while low <= high:
            bar_ts = self._find_next_bar(low, high)
            if bar_ts is None:
                return
            periods = self._find_periods(bar_ts, count, low, high)
            yield periods
            if self.descending:
                high = from_seconds(int(periods.starts[0])) - _MINUTE
            else:
                low = from_seconds(int(periods.ends[-1]))
            count *= 2

    def _find_next_bar(self, low: datetime, high: datetime) -> datetime | None:
        bars = Bar.objects.filter(symbol=self.series.symbol, ts__gte=low, ts__lte=high)
        return bars.order_by("-ts" if self.descending else "ts").values_list("ts", flat=True).first()

    def _find_periods(self, bar_ts: datetime, count: int, low: datetime, high: datetime) -> Periods:
        """From the period of a bar onwards (or backwards), until `count` periods have open minutes."""
        days = timedelta(days=-(-count * _estimate_minutes(self.timeframe) // _DAY_MINUTES) * 3 + 7)
        start, end = (max(low, bar_ts - days), bar_ts) if self.descending else (bar_ts, min(high, bar_ts + days))
        periods = find_periods(self.series.calendar, self.timeframe, start, end + _MINUTE, self.hours)
        position = int(np.searchsorted(periods.starts, int(bar_ts.timestamp()), side="right")) - 1
        if self.descending:
            periods = periods[: position + 1]
            open_periods = np.flatnonzero(periods.expected[::-1])[:count]
            return periods[-int(open_periods[-1]) - 1 :] if len(open_periods) == count else periods
        periods = periods[position:]
        open_periods = np.flatnonzero(periods.expected)[:count]
        return periods[: int(open_periods[-1]) + 1] if len(open_periods) == count else periods


def _estimate_minutes(timeframe: str) -> int:
    """The length of a period."""
    return INTRADAY.get(timeframe) or {"1d": _DAY_MINUTES, "1w": 7 * _DAY_MINUTES}[timeframe]


def _find_reach(timeframe: str) -> tuple[timedelta, timedelta]:
    """How far before and after a candle's timestamp its bars can be.

    Bars of a weekend or of holidays come before the timestamp, those of the rest of the period after it.
    """
    if timeframe in INTRADAY:
        return timedelta(0), timedelta(minutes=INTRADAY[timeframe])
    return timedelta(days=10), timedelta(days=3 if timeframe == "1d" else 10)
