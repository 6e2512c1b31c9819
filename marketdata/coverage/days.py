"""How many minutes of each trading day have bars, of how many that should have one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from statistics import median

import numpy as np

from marketdata.calendars.buckets import OpenMinutes
from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import TradingDay
from marketdata.rollup.minute_masks import MinuteMasks, datetime_to_minute, minute_to_datetime

_MIN_DAYS = 5  # fewer days do not show what is usual


@dataclass(frozen=True)
class DayCoverage:
    """One complete trading day; a UTC day, open all the time, of a series without a calendar. Times are UTC.

    `open_bars` counts the `bars` in minutes that the exchange was open, `extended_bars` those in its extended hours,
    `outside_session` the others, from breaks and when it was closed. Compare `open_bars` with `expected_by_now`, the
    open minutes of the series' life up to now. Once the exchange has closed, they are all that were `expected`. While
    the day is `forming`, they are the open minutes that are over or at or before the last bar. `outside_data`: the
    exchange was open, but not within the life.

    `gaps` counts the places within the day where minutes are missing between two bars. `first` and `last` are None for
    a day without bars.
    """

    day: date
    start: datetime
    end: datetime
    ts: datetime  # the timestamp of the day's candle: later than `start` if the day includes a weekend before it
    bars: int
    open_bars: int
    expected: int
    expected_by_now: int
    forming: bool
    first: datetime | None
    last: datetime | None
    gaps: int
    extended_bars: int
    outside_session: int
    outside_data: bool


def measure_days(
    days: Sequence[TradingDay],
    masks: MinuteMasks,
    *,
    open_minutes: OpenMinutes,
    expected: OpenMinutes,
    requested: OpenMinutes,
    hours: Hours,
    now: datetime,
) -> list[DayCoverage]:
    """The coverage of each day, in the same order. A day without bars and expected minutes is omitted, unless the
    exchange was open in the requested range before `now`: then the day is outside the data.

    `masks` are the minutes of these days that have bars, and `open_minutes` those that the exchange was open. With
    regular `hours`, a day is over when these end, and the bars of `masks` must be in them.
    `expected` are the open minutes within the life, `requested` those within the requested range.
    """
    starts, ends = (_to_minutes([getattr(day, name) for day in days]) for name in ("start", "end"))
    bars = masks.count_before(ends) - masks.count_before(starts)
    has_bars = bars > 0
    first, last, gaps = (np.zeros(len(days), np.int64) for _ in range(3))
    first[has_bars] = masks.find_first_from(starts[has_bars])
    last[has_bars] = masks.find_last_before(ends[has_bars])
    # After the first bar each unbroken run of bars begins where a gap ends.
    run_starts = masks.run_starts
    gaps[has_bars] = run_starts.count_before(ends[has_bars]) - run_starts.count_before(first[has_bars] + 1)
    # The current minute is not over, but live data may have a bar of it.
    this_minute = datetime_to_minute(now.replace(second=0, microsecond=0))
    over = np.clip(np.where(has_bars, np.maximum(last + 1, this_minute), this_minute), starts, ends)
    columns = (
        bars,
        _count_open_bars(masks, open_minutes, len(days)),
        _count_open_bars(masks, OpenMinutes(days, Hours.ALL), len(days)),
        first,
        last,
        gaps,
        _count_minutes(requested, starts, over),
        _count_minutes(expected, starts, ends),
        _count_minutes(expected, starts, over),
    )
    counted = zip(days, np.stack(columns, axis=1).tolist(), strict=True)
    found = (_measure_day(day, day.find_close(hours) > now, *counts) for day, counts in counted)
    return [one for one in found if one.bars or one.expected or one.outside_data]


def find_usual_bars(days: Sequence[DayCoverage]) -> int | None:
    """What the bars of a day may be compared with where there is no calendar.

    The median of the fuller half of the days that are over and have bars; None if fewer than five such days exist.
    """
    counts = sorted((day.bars for day in days if day.bars and not day.forming), reverse=True)
    return int(median(counts[: (len(counts) + 1) // 2])) if len(counts) >= _MIN_DAYS else None


def _measure_day(
    day: TradingDay,
    forming: bool,
    bars: int,
    open_bars: int,
    bars_in_hours: int,
    first: int,
    last: int,
    gaps: int,
    requested: int,
    expected: int,
    expected_by_now: int,
) -> DayCoverage:
    """`bars_in_hours`: how many bars are in regular or extended hours. `requested`: how many minutes of the requested
    range the exchange was open up to now, within the life or not."""
    return DayCoverage(
        day=day.date,
        start=day.start,
        end=day.end,
        ts=day.ts,
        bars=bars,
        open_bars=open_bars,
        expected=expected,
        expected_by_now=expected_by_now,
        forming=forming,
        first=minute_to_datetime(first) if bars else None,
        last=minute_to_datetime(last) if bars else None,
        gaps=gaps,
        extended_bars=bars_in_hours - open_bars,
        outside_session=bars - bars_in_hours,
        outside_data=not bars and not expected and requested > 0,
    )


def _count_open_bars(masks: MinuteMasks, open_minutes: OpenMinutes, day_count: int) -> np.ndarray:
    """Per day the number of bars in open minutes."""
    bars_of_span = masks.count_before(open_minutes.closed // 60) - masks.count_before(open_minutes.opened // 60)
    bars = np.zeros(day_count, np.int64)
    np.add.at(bars, open_minutes.days, bars_of_span)
    return bars


def _count_minutes(minutes: OpenMinutes, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    return minutes.count_between(starts * 60, ends * 60)


def _to_minutes(moments: Sequence[datetime]) -> np.ndarray:
    return np.array([datetime_to_minute(moment) for moment in moments], np.int64)
