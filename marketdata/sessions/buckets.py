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

from marketdata.sessions.days import TradingDay

BUCKET_MINUTES = (5, 15, 30, 60, 240)

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Buckets:
    """All buckets of some days, as arrays of equal length in order of time. Times are seconds since 1970, UTC."""

    starts: np.ndarray
    ends: np.ndarray
    days: np.ndarray  # which of the days each is in, counted from 0
    expected: np.ndarray  # minutes that were open


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
    spans = np.array([(_seconds(opened), _seconds(closed)) for day in days for opened, closed in day.spans], np.int64)
    if not len(spans):
        return np.zeros(len(starts), np.int64)
    return (_open_seconds_before(spans, ends) - _open_seconds_before(spans, starts)) // 60


def buckets_of(days: Sequence[TradingDay], minutes: int) -> Buckets:
    """The buckets of all these days, which follow one another."""
    edges = [_edges(day, minutes) for day in days]
    starts = np.concatenate([each[:-1] for each in edges]) if edges else np.empty(0, np.int64)
    ends = np.concatenate([each[1:] for each in edges]) if edges else np.empty(0, np.int64)
    numbers = np.repeat(np.arange(len(days)), [len(each) - 1 for each in edges])
    return Buckets(starts, ends, numbers, expected_between(days, starts, ends))


def _edge_before(day: TradingDay, moment: datetime, minutes: int) -> datetime:
    """The last edge not after `moment`, were the day without start and end."""
    return moment - (moment - day.open) % (minutes * _MINUTE)


def _edges(day: TradingDay, minutes: int) -> np.ndarray:
    start, end, length = _seconds(day.start), _seconds(day.end), minutes * 60
    after_start = start + 1 + (_seconds(day.open) - start - 1) % length
    return np.concatenate(([start], np.arange(after_start, end, length), [end]))


def _open_seconds_before(spans: np.ndarray, moments: np.ndarray) -> np.ndarray:
    """Seconds that were open before each moment, counted from the first span on."""
    opened, lengths = spans[:, 0], spans[:, 1] - spans[:, 0]
    before = np.concatenate(([0], np.cumsum(lengths)))
    last = np.searchsorted(opened, moments, side="right") - 1
    return np.where(last < 0, 0, before[last] + np.minimum(moments - opened[last], lengths[last]))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
