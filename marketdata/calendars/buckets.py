"""Buckets of 5 minutes to 4 hours within a trading day, and how many of their minutes were open.

One rule: edges lie at the day's `open` and every so many minutes before and after it, in elapsed time, and the day's
start and end are edges too. So a bucket never crosses a trading day, the first one after the open is whole, and the
ones at the day's ends may be shorter: 4h of CME begin at 17:00, 21:00, 01:00 … Chicago, and NYSE's at 09:30 and 13:30,
with pre-market ones at 05:30, 01:30 and midnight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from marketdata.calendars.trading_days import TradingDay

BUCKET_MINUTES = (5, 15, 30, 60, 240)

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Buckets:
    """All buckets of some days, as arrays of equal length in order of time. Times are seconds since 1970, UTC."""

    starts: np.ndarray
    ends: np.ndarray
    days: np.ndarray  # which of the days each is in, counted from 0
    expected: np.ndarray  # minutes that were open


class OpenMinutes:
    """When some days were open, ready to be asked many times; days in order, times in seconds since 1970."""

    def __init__(self, days: Sequence[TradingDay]) -> None:
        spans = [(number, *map(_seconds, span)) for number, day in enumerate(days) for span in day.spans]
        # One element for each stretch that was open: which of the days it is of, and from when to when.
        self.days, self.opened, self.closed = np.array(spans, np.int64).reshape(-1, 3).T
        self._before = np.concatenate(([0], np.cumsum(self.closed - self.opened)))

    def before(self, moments: np.ndarray) -> np.ndarray:
        """Minutes that were open before each moment, counted from the first day on."""
        if not len(self.opened):
            return np.zeros(len(moments), np.int64)
        last = np.searchsorted(self.opened, moments, side="right") - 1
        inside = np.minimum(moments, self.closed[last]) - self.opened[last]
        return np.where(last < 0, 0, self._before[last] + inside) // 60

    def between(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Minutes that were open within each of the intervals [start, end)."""
        return self.before(ends) - self.before(starts)


def bucket_start(day: TradingDay, moment: datetime, minutes: int) -> datetime:
    """Where the bucket begins that `moment` of this day falls into."""
    return max(day.start, _edge_before(day, moment, minutes))


def bucket_end(day: TradingDay, moment: datetime, minutes: int) -> datetime:
    """Where the bucket ends that `moment` of this day falls into."""
    return min(day.end, _edge_before(day, moment, minutes) + minutes * _MINUTE)


def bucket_edges(day: TradingDay, minutes: int) -> list[datetime]:
    """The day's buckets, told by their edges: one more than there are buckets."""
    edges = [day.start]
    while edges[-1] < day.end:
        edges.append(bucket_end(day, edges[-1], minutes))
    return edges


def expected_minutes(day: TradingDay, start: datetime, end: datetime) -> int:
    """Minutes within [start, end) that this day was open."""
    return sum(max(min(end, closed) - max(start, opened), 0 * _MINUTE) // _MINUTE for opened, closed in day.spans)


def expected_between(days: Sequence[TradingDay], starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """`expected_minutes` for many intervals at once, in seconds since 1970; an interval may span several days."""
    return OpenMinutes(days).between(starts, ends)


def make_buckets(days: Sequence[TradingDay], minutes: int) -> Buckets:
    """The buckets of all these days, which follow one another."""
    starts = [_starts(day, minutes) for day in days]
    numbers = np.repeat(np.arange(len(days)), [len(each) for each in starts])
    # Each bucket ends where the next begins.
    edges = np.concatenate([*starts, np.array([_seconds(day.end) for day in days[-1:]], np.int64)])
    return Buckets(edges[:-1], edges[1:], numbers, np.diff(OpenMinutes(days).before(edges)))


def _edge_before(day: TradingDay, moment: datetime, minutes: int) -> datetime:
    """The last edge not after `moment`, were the day without start and end."""
    return moment - (moment - day.open) % (minutes * _MINUTE)


def _starts(day: TradingDay, minutes: int) -> np.ndarray:
    start, length = _seconds(day.start), minutes * 60
    after_start = start + 1 + (_seconds(day.open) - start - 1) % length
    return np.concatenate(([start], np.arange(after_start, _seconds(day.end), length)))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
