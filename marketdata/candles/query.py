"""The candles that a reader asked for: a page of them, all of a range, how many there are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from django.utils import timezone

from marketdata.bars.stats import get_first_and_last
from marketdata.candles.aggregate import Candle, read_candles
from marketdata.candles.periods import INTRADAY, Periods, find_periods
from marketdata.models import Bar, Series
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.timestamps import from_seconds

_MINUTE = timedelta(minutes=1)
_DAY_MINUTES = 24 * 60
_MAX_REACH = timedelta(days=30)


def read_candle_page(
    series: Series,
    timeframe: str,
    *,
    start: datetime | None,
    end: datetime | None,
    after: datetime | None,
    descending: bool,
    limit: int,
    now: datetime | None = None,
) -> tuple[list[Candle], datetime | None]:
    """Up to `limit` candles stamped in [start, end), behind `after` in the order asked for, and where the next page
    starts, None at the end. Each is whole: also of bars outside the range.

    Reads about as many bars, or hours, as the page's candles hold, wherever the page lies.
    """
    bounds = get_first_and_last(series)
    if bounds is None:
        return [], None
    lowest, highest, after = _clamped(start), _clamped(end), _clamped(after)
    if after is not None:
        lowest, highest = (lowest, after) if descending else (after + _MINUTE, highest)
    found: list[Candle] = []
    search = _Search(series, timeframe, bounds, descending)
    for periods in search.windows(lowest, highest, limit + 1):
        candles = [
            candle
            for candle in read_candles(series.symbol, periods, now=now or timezone.now())
            if (lowest is None or candle.ts >= lowest) and (highest is None or candle.ts < highest)
        ]
        found += reversed(candles) if descending else candles
        if len(found) > limit:
            break
    return found[:limit], found[limit - 1].ts if len(found) > limit else None


def iterate_candles(
    series: Series, timeframe: str, *, start: datetime | None, end: datetime | None, block: int = 5_000
) -> Iterator[list[Candle]]:
    """The candles of the range in time order, a block at a time, so that memory stays the same for any range."""
    after = None
    while True:
        candles, after = read_candle_page(
            series, timeframe, start=start, end=end, after=after, descending=False, limit=block
        )
        if candles:
            yield candles
        if after is None:
            return


def _clamped(moment: datetime | None) -> datetime | None:
    """The same among the times that candles can have: Python's dates end where adding to them would go on."""
    return moment and min(max(moment, EARLIEST - _MAX_REACH), LATEST + _MAX_REACH)


@dataclass(frozen=True)
class _Search:
    """Where to look for candles: from one end of the bars to the other, over what has none by way of the key."""

    series: Series
    timeframe: str
    bounds: tuple[datetime, datetime]  # first and last bar
    descending: bool

    def windows(self, lowest: datetime | None, highest: datetime | None, wanted: int) -> Iterator[Periods]:
        """Whole periods, so many at first that they hold the wanted candles if nothing is missing, then always more."""
        first, last = self.bounds
        before, behind = _reach(self.timeframe)
        low = max(first, lowest - before) if lowest else first
        high = min(last, highest + behind) if highest else last
        while low <= high:
            at = self._next_bar(low, high)
            if at is None:
                return
            periods = self._around(at, wanted, low, high)
            yield periods
            if self.descending:
                high = from_seconds(int(periods.starts[0])) - _MINUTE
            else:
                low = from_seconds(int(periods.ends[-1]))
            wanted *= 2

    def _next_bar(self, low: datetime, high: datetime) -> datetime | None:
        bars = Bar.objects.filter(symbol=self.series.symbol, ts__gte=low, ts__lte=high)
        return bars.order_by("-ts" if self.descending else "ts").values_list("ts", flat=True).first()

    def _around(self, at: datetime, wanted: int, low: datetime, high: datetime) -> Periods:
        """From the period of a bar on (or back), until `wanted` periods are there in which the exchange was open."""
        days = timedelta(days=-(-wanted * _length(self.timeframe) // _DAY_MINUTES) * 3 + 7)
        start, end = (max(low, at - days), at) if self.descending else (at, min(high, at + days))
        periods = find_periods(self.series.calendar, self.timeframe, start, end + _MINUTE)
        position = int(np.searchsorted(periods.starts, int(at.timestamp()), side="right")) - 1
        if self.descending:
            periods = periods[: position + 1]
            open_ones = np.flatnonzero(periods.expected[::-1])[:wanted]
            return periods[-int(open_ones[-1]) - 1 :] if len(open_ones) == wanted else periods
        periods = periods[position:]
        open_ones = np.flatnonzero(periods.expected)[:wanted]
        return periods[: int(open_ones[-1]) + 1] if len(open_ones) == wanted else periods


def _length(timeframe: str) -> int:
    """Minutes of a period, about."""
    return INTRADAY.get(timeframe) or {"1d": _DAY_MINUTES, "1w": 7 * _DAY_MINUTES}[timeframe]


def _reach(timeframe: str) -> tuple[timedelta, timedelta]:
    """How far from its stamp the bars of a candle may lie: before it those of a weekend or of holidays, behind it those
    of the whole period."""
    if timeframe in INTRADAY:
        return timedelta(0), timedelta(minutes=INTRADAY[timeframe])
    return timedelta(days=10), timedelta(days=3 if timeframe == "1d" else 10)


# --- How many --------------------------------------------------------------------------------------------------------
