"""Which periods to read for a page of candles."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np

from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import find_trading_days
from marketdata.candles.periods import INTRADAY, Periods, find_periods
from marketdata.models import Series
from marketdata.rollup.neighbours import find_first_minute, find_last_minute
from marketdata.timestamps import from_seconds

_MINUTE = timedelta(minutes=1)
_TICK = timedelta(microseconds=1)  # a range that includes its end, for functions that exclude it
_SAMPLE = timedelta(days=14)


class Search:
    """Finds periods from one end of a range of bars to the other. The hourly rollup skips ranges without bars."""

    def __init__(
        self,
        series: Series,
        timeframe: str,
        hours: Hours,
        *,
        first: datetime,
        last: datetime,
        lowest: datetime | None,
        highest: datetime | None,
        descending: bool,
    ) -> None:
        """The bars are those from `first` to `last` that candles with a timestamp in [lowest, highest) can have."""
        self._series, self._timeframe, self._hours, self._descending = series, timeframe, hours, descending
        reach_before, reach_after = _find_reach(timeframe)
        self._low = max(first, lowest - reach_before) if lowest else first
        self._high = min(last, highest + reach_after) if highest else last

    def find_next(self, count: int) -> Periods | None:
        """Complete periods, of which the exchange trades in `count`; fewer at the end, and None after it."""
        bar_ts = self._find_next_bar() if self._low <= self._high else None
        if bar_ts is None:
            return None
        periods = self._find_periods(bar_ts, count)
        if self._descending:
            self._high = from_seconds(int(periods.starts[0])) - _MINUTE
        else:
            self._low = from_seconds(int(periods.ends[-1]))
        return periods

    def _find_next_bar(self) -> datetime | None:
        find = find_last_minute if self._descending else find_first_minute
        return find(self._series.symbol, self._low, self._high + _TICK)

    def _find_periods(self, bar_ts: datetime, count: int) -> Periods:
        """From the period of a bar onwards, or backwards."""
        reach = self._estimate_reach(bar_ts, count)
        start, end = bar_ts, min(self._high, bar_ts + reach)
        if self._descending:
            start, end = max(self._low, bar_ts - reach), bar_ts
        periods = find_periods(self._series.calendar, self._timeframe, start, end + _MINUTE, self._hours)
        position = int(np.searchsorted(periods.starts, int(bar_ts.timestamp()), side="right")) - 1
        if self._descending:
            periods = periods[: position + 1]
            found = np.flatnonzero(periods.trades[::-1])[:count]
            return periods[-int(found[-1]) - 1 :] if len(found) == count else periods
        periods = periods[position:]
        found = np.flatnonzero(periods.trades)[:count]
        return periods[: int(found[-1]) + 1] if len(found) == count else periods

    def _estimate_reach(self, bar_ts: datetime, count: int) -> timedelta:
        """How long the exchange needs for so many periods, by two weeks of its calendar and a tenth for holidays."""
        if self._timeframe == "1w":
            return timedelta(weeks=count + 1)
        start = bar_ts - _SAMPLE if self._descending else bar_ts
        spans = [
            day.list_spans(self._hours)
            for day in find_trading_days(self._series.calendar, start, start + _SAMPLE + _MINUTE)
        ]
        if self._timeframe == "1d":
            periods = sum(map(bool, spans))
        else:
            length = timedelta(minutes=INTRADAY[self._timeframe])
            periods = sum(-(-(end - start) // length) for one in spans for start, end in one)
        return _SAMPLE * (1.1 * count / max(periods, 1) + 1)


def _find_reach(timeframe: str) -> tuple[timedelta, timedelta]:
    """How far before and after a candle's timestamp its bars can be.

    Bars of a weekend or of holidays come before the timestamp, those of the rest of the period after it.
    """
    if timeframe in INTRADAY:
        return timedelta(0), timedelta(minutes=INTRADAY[timeframe])
    return timedelta(days=10), timedelta(days=3 if timeframe == "1d" else 10)
