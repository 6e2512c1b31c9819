"""How much of each trading day has bars, measured against the minutes that the exchange was open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median

import numpy as np

from marketdata.calendars.buckets import OpenMinutes, expected_minutes
from marketdata.calendars.trading_days import TradingDay
from marketdata.rollup.minute_masks import MinuteMasks, datetime_to_minute, minute_to_datetime

_MINUTE = timedelta(minutes=1)
_FEWEST_DAYS = 5  # of fewer nobody can tell what is usual


@dataclass(frozen=True)
class DayCoverage:
    """One trading day, whole; a UTC day of a series without a calendar, which counts as open all the time.

    `open_bars` of its `bars` lie in minutes that the exchange was open: the others were traded before, after or in
    breaks. They are to be held against `expected_by_now`, which is all that was `expected` once the day is over; while
    it is `forming`, the open minutes that are over, or that have a bar behind them. `gaps`: places inside the day where
    minutes are missing between two bars. `first` and `last` are None for a day without bars.
    """

    day: date
    start: datetime
    end: datetime
    ts: datetime  # what the day's candle is stamped with: later than `start` if a weekend before it belongs to it
    bars: int
    open_bars: int
    expected: int
    expected_by_now: int
    forming: bool
    first: datetime | None
    last: datetime | None
    gaps: int


def cover_days(
    days: Sequence[TradingDay], hours: MinuteMasks, exchange: OpenMinutes, now: datetime
) -> list[DayCoverage]:
    """Each of the days; of those on which the exchange was not open, only the ones with bars."""
    starts, ends = (_minutes([getattr(day, name) for day in days]) for name in ("start", "end"))
    bars = hours.before(ends) - hours.before(starts)
    held = bars > 0
    first, last, gaps = (np.zeros(len(days), np.int64) for _ in range(3))
    first[held], last[held] = hours.first_from(starts[held]), hours.last_before(ends[held])
    # Behind the first bar each run of bars begins where a gap ends.
    gaps[held] = hours.runs.before(ends[held]) - hours.runs.before(first[held] + 1)
    columns = (bars, _open_bars(hours, exchange, len(days)), first, last, gaps)
    found = (_day(day, now, *numbers) for day, numbers in zip(days, np.stack(columns, axis=1).tolist(), strict=True))
    return [one for one in found if one.bars or one.expected]


def usual_bars(days: Sequence[DayCoverage]) -> int | None:
    """What a day without a calendar may be held against: the median of the fuller half of the days with bars that are
    over. None where they are fewer than five."""
    counts = sorted((day.bars for day in days if day.bars and not day.forming), reverse=True)
    return int(median(counts[: (len(counts) + 1) // 2])) if len(counts) >= _FEWEST_DAYS else None


def _day(day: TradingDay, now: datetime, bars: int, open_bars: int, first: int, last: int, gaps: int) -> DayCoverage:
    ends = (minute_to_datetime(first), minute_to_datetime(last)) if bars else (None, None)
    expected, forming = day.expected, day.end > now
    by_now = expected
    if forming:
        # The minute that runs now is not over, but live data may have it.
        over = max(now.replace(second=0, microsecond=0), ends[1] + _MINUTE if bars else day.start)
        by_now = expected_minutes(day, day.start, over)
    return DayCoverage(day.date, day.start, day.end, day.ts, bars, open_bars, expected, by_now, forming, *ends, gaps)


def _open_bars(hours: MinuteMasks, exchange: OpenMinutes, count: int) -> np.ndarray:
    """Per day the bars in minutes that were open."""
    held = hours.before(exchange.closed // 60) - hours.before(exchange.opened // 60)
    bars = np.zeros(count, np.int64)
    np.add.at(bars, exchange.days, held)
    return bars


def _minutes(moments: Sequence[datetime]) -> np.ndarray:
    return np.array([datetime_to_minute(moment) for moment in moments], np.int64)
