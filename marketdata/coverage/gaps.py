"""Where minutes are missing between two bars, and for how many of them the exchange was open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from marketdata.calendars.buckets import OpenMinutes
from marketdata.rollup.minute_masks import MinuteMasks, minute_to_datetime

MAX_GAPS = 1000  # of each kind
_HOURS_AT_A_TIME = 4096  # so that memory stays the same for any range


@dataclass(frozen=True)
class Gap:
    """No bars between the bar at `after` and the bar at `before`. For `open_minutes` of the missing ones the exchange
    was open; None where there is no calendar to say."""

    after: datetime
    before: datetime
    open_minutes: int | None

    @property
    def minutes(self) -> int:
        """How many minutes are missing."""
        return int((self.before - self.after).total_seconds()) // 60 - 1


@dataclass(frozen=True)
class Gaps:
    """How many gaps there are, for how many of them the exchange was open (None without a calendar), and the longest.

    With a calendar up to `MAX_GAPS` of each kind: of those with open minutes the ones with most, of those while it was
    closed the longest. Without one the longest. Of equal ones the earlier; all in time order.
    """

    count: int
    open_count: int | None
    longest: list[Gap]


def find_gaps(hours: MinuteMasks, exchange: OpenMinutes | None) -> Gaps:
    """The gaps between the bars of `hours`; `exchange` must know all days from the first bar to the last."""
    count = open_count = 0
    longest = np.empty((3, 0), np.int64)
    for after, before in _gaps(hours):
        opened = exchange.between((after + 1) * 60, before * 60) if exchange else np.zeros(len(after), np.int64)
        count += len(after)
        open_count += int(np.count_nonzero(opened))
        longest = _longest(np.hstack([longest, [after, before, opened]]))
    named = [
        Gap(minute_to_datetime(after), minute_to_datetime(before), opened if exchange else None)
        for after, before, opened in longest[:, np.argsort(longest[0])].T.tolist()
    ]
    return Gaps(count, open_count if exchange else None, named)


def _gaps(hours: MinuteMasks) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The bars on either side of each gap, as minutes since 1970: first those between hours, then those within."""
    first, last = hours.first, hours.last
    apart = first[1:] - last[:-1] > 1
    yield last[:-1][apart], first[1:][apart]
    broken = np.bitwise_count(hours.minutes & ~(hours.minutes << 1)) > 1
    start, minutes = hours.start[broken], hours.minutes[broken]
    for here in range(0, len(start), _HOURS_AT_A_TIME):
        block = slice(here, here + _HOURS_AT_A_TIME)
        hour, minute = np.nonzero(minutes[block, None] >> np.arange(60) & 1)
        gap = np.flatnonzero((hour[1:] == hour[:-1]) & (minute[1:] - minute[:-1] > 1))
        time = start[block][hour] + minute
        yield time[gap], time[gap + 1]


def _longest(gaps: np.ndarray) -> np.ndarray:
    """Of gaps with open minutes and of those without, each."""
    return np.hstack([_longest_of(gaps[:, gaps[2] > 0]), _longest_of(gaps[:, gaps[2] == 0])])


def _longest_of(gaps: np.ndarray) -> np.ndarray:
    after, before, opened = gaps
    return gaps[:, np.lexsort((after, after - before, -opened))[:MAX_GAPS]]
