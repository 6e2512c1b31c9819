"""Where minutes are missing between bars and at the ends, and for how many of them the exchange was open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from marketdata.calendars.buckets import OpenMinutes
from marketdata.calendars.intervals import intersect
from marketdata.rollup.minute_masks import MinuteMasks, minute_to_datetime

MAX_GAPS = 1000  # of each kind
_MINUTE = timedelta(minutes=1)
_HOURS_PER_BLOCK = 4096  # memory stays constant for any range


@dataclass(frozen=True)
class Gap:
    """The minutes of [start, end), UTC, none of which has a bar.

    `after` is the bar in the minute before them, `before` the bar in the minute after them. They are None where the
    range or the series' life ends instead. The exchange was open in `open_minutes` of the minutes; None without a
    calendar.
    """

    start: datetime
    end: datetime
    after: datetime | None
    before: datetime | None
    open_minutes: int | None

    @property
    def minutes(self) -> int:
        """How many minutes are missing."""
        return (self.end - self.start) // _MINUTE


@dataclass(frozen=True)
class Gaps:
    """How many gaps there are, how many of them have open minutes, how many open minutes all of them have, and the
    longest gaps. Numbers of open minutes are None without a calendar.

    `longest` has up to `MAX_GAPS` of each kind, in time order: the gaps with most open minutes, and the longest of
    those without. Without a calendar all gaps are of the second kind. Of equal gaps the earlier ones are kept.
    """

    count: int
    open_count: int | None
    open_minutes: int | None
    longest: list[Gap]


def find_gaps(masks: MinuteMasks, life: np.ndarray, open_minutes: OpenMinutes | None) -> Gaps:
    """The gaps within `life`: the starts and the ends of the ranges in which minutes without a bar are missing.

    The bars of `masks` are within the life. `open_minutes` must cover it; None for a series without a calendar.
    """
    count = open_count = open_total = 0
    longest = np.empty((5, 0), np.int64)
    life = _join_over_closed(life, open_minutes) if open_minutes else life
    for empty in list_empty(masks):
        index, start, end = intersect(*empty, *life)
        opened = open_minutes.count_between(start * 60, end * 60) if open_minutes else np.zeros(len(start), np.int64)
        count += len(start)
        open_count += int(np.count_nonzero(opened))
        open_total += int(opened.sum())
        has_bars = start == empty[0][index], end == empty[1][index]
        longest = _select_longest(np.hstack([longest, [start, end, *has_bars, opened]]))
    columns = longest[:, np.argsort(longest[0])].T.tolist()
    gaps = [_make_gap(*gap, has_calendar=open_minutes is not None) for gap in columns]
    return Gaps(count, open_count, open_total, gaps) if open_minutes else Gaps(count, None, None, gaps)


def _make_gap(start: int, end: int, has_after: int, has_before: int, opened: int, *, has_calendar: bool) -> Gap:
    return Gap(
        minute_to_datetime(start),
        minute_to_datetime(end),
        minute_to_datetime(start - 1) if has_after else None,
        minute_to_datetime(end) if has_before else None,
        opened if has_calendar else None,
    )


def _join_over_closed(life: np.ndarray, open_minutes: OpenMinutes) -> np.ndarray:
    """The life without the holes in which the exchange was closed, for example weekends that no file maps: they would
    divide the gap over the weekend."""
    starts, ends = life
    keep_start, keep_end = np.ones(len(starts), bool), np.ones(len(ends), bool)
    keep_start[1:] = keep_end[:-1] = open_minutes.count_between(ends[:-1] * 60, starts[1:] * 60) > 0
    return np.stack([starts[keep_start], ends[keep_end]])


def list_empty(masks: MinuteMasks) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Start and end of each interval without bars, in minutes since 1970. First those between hours, before the first
    bar and after the last, then those within hours."""
    forever = np.iinfo(np.int64).max // 128  # in seconds, it does not overflow
    last, first = np.append(-forever, masks.last), np.append(masks.first, forever)
    apart = first - last > 1
    yield last[apart] + 1, first[apart]
    broken = np.bitwise_count(masks.minutes & ~(masks.minutes << 1)) > 1
    start, minutes = masks.start[broken], masks.minutes[broken]
    for offset in range(0, len(start), _HOURS_PER_BLOCK):
        block = slice(offset, offset + _HOURS_PER_BLOCK)
        hour, minute = np.nonzero(minutes[block, None] >> np.arange(60) & 1)
        gap = np.flatnonzero((hour[1:] == hour[:-1]) & (minute[1:] - minute[:-1] > 1))
        time = start[block][hour] + minute
        yield time[gap] + 1, time[gap + 1]


def _select_longest(gaps: np.ndarray) -> np.ndarray:
    """Up to `MAX_GAPS` gaps with open minutes, and up to as many without."""
    is_open = gaps[4] > 0
    return np.hstack([_limit_gaps(gaps[:, is_open]), _limit_gaps(gaps[:, ~is_open])])


def _limit_gaps(gaps: np.ndarray) -> np.ndarray:
    start, end, _, _, opened = gaps
    return gaps[:, np.lexsort((start, start - end, -opened))[:MAX_GAPS]]
