"""Where minutes are missing between two bars, and for how many of them the exchange was open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from marketdata.calendars.buckets import OpenMinutes
from marketdata.rollup.minute_masks import MinuteMasks, minute_to_datetime

MAX_GAPS = 1000  # of each kind
_HOURS_PER_BLOCK = 4096  # memory stays constant for any range


@dataclass(frozen=True)
class Gap:
    """The minutes without bars between the bar at `after` and the bar at `before`, both UTC.

    The exchange was open in `open_minutes` of them; None without a calendar.
    """

    after: datetime
    before: datetime
    open_minutes: int | None

    @property
    def minutes(self) -> int:
        """How many minutes are missing."""
        return int((self.before - self.after).total_seconds()) // 60 - 1


@dataclass(frozen=True)
class Gaps:
    """How many gaps there are, how many of them have open minutes (None without a calendar), and the longest gaps.

    `longest` has up to `MAX_GAPS` of each kind, in time order: the gaps with most open minutes, and the longest of
    those without. Without a calendar all gaps are of the second kind. Of equal gaps the earlier ones are kept.
    """

    count: int
    open_count: int | None
    longest: list[Gap]


def find_gaps(masks: MinuteMasks, open_minutes: OpenMinutes | None) -> Gaps:
    """The gaps between the bars of `masks`.

    `open_minutes` must cover all days from the first bar to the last; None for a series without a calendar.
    """
    count = open_count = 0
    longest = np.empty((3, 0), np.int64)
    for after, before in _list_gaps(masks):
        if open_minutes:
            opened = open_minutes.count_between((after + 1) * 60, before * 60)
        else:
            opened = np.zeros(len(after), np.int64)
        count += len(after)
        open_count += int(np.count_nonzero(opened))
        longest = _select_longest(np.hstack([longest, [after, before, opened]]))
    gaps = [
        Gap(minute_to_datetime(after), minute_to_datetime(before), opened if open_minutes else None)
        for after, before, opened in longest[:, np.argsort(longest[0])].T.tolist()
    ]
    return Gaps(count, open_count if open_minutes else None, gaps)


def _list_gaps(masks: MinuteMasks) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The bars on either side of each gap, as minutes since 1970: first the gaps between hours, then those within."""
    first, last = masks.first, masks.last
    apart = first[1:] - last[:-1] > 1
    yield last[:-1][apart], first[1:][apart]
    broken = np.bitwise_count(masks.minutes & ~(masks.minutes << 1)) > 1
    start, minutes = masks.start[broken], masks.minutes[broken]
    for offset in range(0, len(start), _HOURS_PER_BLOCK):
        block = slice(offset, offset + _HOURS_PER_BLOCK)
        hour, minute = np.nonzero(minutes[block, None] >> np.arange(60) & 1)
        gap = np.flatnonzero((hour[1:] == hour[:-1]) & (minute[1:] - minute[:-1] > 1))
        time = start[block][hour] + minute
        yield time[gap], time[gap + 1]


def _select_longest(gaps: np.ndarray) -> np.ndarray:
    """Up to `MAX_GAPS` gaps with open minutes, and up to as many without."""
    is_open = gaps[2] > 0
    return np.hstack([_limit_gaps(gaps[:, is_open]), _limit_gaps(gaps[:, ~is_open])])


def _limit_gaps(gaps: np.ndarray) -> np.ndarray:
    after, before, opened = gaps
    return gaps[:, np.lexsort((after, after - before, -opened))[:MAX_GAPS]]
