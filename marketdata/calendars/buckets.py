"""Buckets of 5 minutes to 4 hours within a trading day, and how many of their minutes were open.

One rule: the edges are the day's `open`, every multiple of the bucket's length before and after it in elapsed time,
and the day's start and end. So a bucket never crosses a trading day, the first one after the open is complete, and
those at the day's ends may be shorter. Buckets of 4h begin at 17:00, 21:00, 01:00 … Chicago for CME. For NYSE they
begin at 09:30 and 13:30, with pre-market ones at 05:30, 01:30 and midnight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from marketdata.calendars.hours import Hours
from marketdata.calendars.intervals import intersect
from marketdata.calendars.trading_days import TradingDay

BUCKET_MINUTES = (5, 15, 30, 60, 240)


@dataclass(frozen=True)
class Buckets:
    """All buckets of some days, as int64 arrays of equal length in time order. Times are seconds since 1970, UTC."""

    starts: np.ndarray
    ends: np.ndarray
    days: np.ndarray  # index of the day of each bucket
    expected: np.ndarray  # open minutes
    trades: np.ndarray  # whether the exchange trades
    closes: np.ndarray  # when the last minute ends in which the exchange trades


class OpenMinutes:
    """The open minutes of some days, prepared for many counts. Days in time order; times in seconds since 1970, UTC."""

    def __init__(self, days: Sequence[TradingDay], hours: Hours = Hours.REGULAR) -> None:
        name = "spans" if hours is Hours.REGULAR else "all_spans"
        spans = [getattr(day.seconds, name) for day in days]
        numbers = np.repeat(np.arange(len(days)), [len(each) for each in spans])
        self._set_spans(numbers, *np.array([*chain.from_iterable(spans)], np.int64).reshape(-1, 2).T)

    def _set_spans(self, days: np.ndarray, opened: np.ndarray, closed: np.ndarray) -> None:
        """One element for each open span: the index of its day, its start and its end."""
        self.days, self.opened, self.closed = days, opened, closed
        self._seconds_before = np.concatenate(([0], np.cumsum(closed - opened)))

    def clip(self, starts: np.ndarray, ends: np.ndarray) -> OpenMinutes:
        """The open minutes within these intervals, which are disjoint and in time order."""
        span, opened, closed = intersect(self.opened, self.closed, starts, ends)
        clipped = OpenMinutes([])
        clipped._set_spans(self.days[span], opened, closed)
        return clipped

    def count_before(self, moments: np.ndarray) -> np.ndarray:
        """How many minutes were open before each moment, from the first day on."""
        if not len(self.opened):
            return np.zeros(len(moments), np.int64)
        last = np.searchsorted(self.opened, moments, side="right") - 1
        inside = np.minimum(moments, self.closed[last]) - self.opened[last]
        return np.where(last < 0, 0, self._seconds_before[last] + inside) // 60

    def count_between(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """How many minutes were open within each of the intervals [start, end)."""
        count: np.ndarray = self.count_before(ends) - self.count_before(starts)
        return count

    def find_closes(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """When the last open minute within each of the intervals [start, end) ends; `end` where none is open."""
        if not len(self.opened):
            return ends
        last = np.searchsorted(self.opened, ends, side="left") - 1
        closes = np.minimum(self.closed[last], ends)
        return np.where((last >= 0) & (closes > starts), closes, ends)


def make_buckets(days: Sequence[TradingDay], minutes: int, hours: Hours = Hours.ALL) -> Buckets:
    """The buckets of `minutes` of all these days, each of which begins where the one before ends.

    They close with the trading within `hours`.
    """
    starts = [_list_starts(day, minutes) for day in days]
    numbers = np.repeat(np.arange(len(days)), [len(each) for each in starts])
    # Each bucket ends where the next begins.
    edges = np.concatenate([*starts, np.array([day.seconds.end for day in days[-1:]], np.int64)])
    open_minutes = OpenMinutes(days)
    expected = np.diff(open_minutes.count_before(edges))
    trading = open_minutes if hours is Hours.REGULAR else OpenMinutes(days, hours)
    closes = trading.find_closes(edges[:-1], edges[1:])
    return Buckets(edges[:-1], edges[1:], numbers, expected, np.diff(trading.count_before(edges)) > 0, closes)


def _list_starts(day: TradingDay, minutes: int) -> np.ndarray:
    start, length = day.seconds.start, minutes * 60
    after_start = start + 1 + (day.seconds.open - start - 1) % length
    return np.concatenate(([start], np.arange(after_start, day.seconds.end, length)))
