"""When the exchange of a series trades, as arrays for the detectors. Times are nanoseconds since 1970, UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import chain
from zoneinfo import ZoneInfo

import numpy as np

from marketdata.calendars.intervals import intersect
from marketdata.calendars.trading_days import TradingDay, find_trading_days, find_zone

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


@dataclass(frozen=True)
class Sessions:
    """The trading days that overlap a range, in time order, each with its open times.

    `opened` and `closed` are the open times (regular hours of equities; all hours of most futures). `trading_opened`
    and `trading_closed` also have the extended hours, in which bars are legal and none is missing.
    """

    zone: ZoneInfo
    day_start: np.ndarray  # of each trading day; each one ends where the next begins
    day_end: np.ndarray
    day_date: np.ndarray  # its date, as datetime64[D]
    opened: np.ndarray  # of each open time
    closed: np.ndarray
    opened_day: np.ndarray  # the index of its trading day
    trading_opened: np.ndarray
    trading_closed: np.ndarray

    def clip_open(self, start: int, end: int) -> tuple[np.ndarray, np.ndarray]:
        """The open times within [start, end): starts and ends."""
        _, starts, ends = intersect(np.array([start]), np.array([end]), self.opened, self.closed)
        return starts, ends

    def list_open_minutes(self, start: int, end: int) -> np.ndarray:
        """Each open minute of [start, end), which are full minutes."""
        starts, ends = self.clip_open(start, end)
        counts = (ends - starts) // MINUTE
        before = np.repeat(np.cumsum(counts) - counts, counts)
        minutes: np.ndarray = np.repeat(starts, counts) + (np.arange(len(before)) - before) * MINUTE
        return minutes

    def is_open(self, ts: np.ndarray) -> np.ndarray:
        """Whether each time is open."""
        return _is_within(ts, self.opened, self.closed)

    def is_trading(self, ts: np.ndarray) -> np.ndarray:
        """Whether each time is open or in the extended hours."""
        return _is_within(ts, self.trading_opened, self.trading_closed)

    def count_open(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """How many minutes of each [start, end) are open."""
        count: np.ndarray = (self._count_before(ends) - self._count_before(starts)) // MINUTE
        return count

    def _count_before(self, ts: np.ndarray) -> np.ndarray:
        if not len(self.opened):
            return np.zeros(np.shape(ts), np.int64)
        last = np.searchsorted(self.opened, ts, side="right") - 1
        inside = np.minimum(ts, self.closed[last]) - self.opened[last]
        return np.where(last < 0, 0, self._open_before[last] + inside)

    @cached_property
    def _open_before(self) -> np.ndarray:
        lengths = self.closed - self.opened
        before: np.ndarray = np.cumsum(lengths) - lengths
        return before

    def find_day(self, ts: np.ndarray) -> np.ndarray:
        """The index of the trading day of each time; -1 before the first one."""
        day: np.ndarray = np.searchsorted(self.day_start, ts, side="right") - 1
        return day

    def find_local_minute(self, ts: np.ndarray) -> np.ndarray:
        """The minute of the day, 0 to 1439, of each time on the clocks of the exchange, daylight saving included."""
        hours, inverse = np.unique(ts // HOUR, return_inverse=True)
        offsets = np.array([_find_offset(self.zone, int(hour)) for hour in hours], np.int64)
        minute: np.ndarray = (ts // MINUTE + (offsets[inverse] if len(offsets) else 0)) % 1440
        return minute


def _is_within(ts: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    if not len(starts):
        return np.zeros(np.shape(ts), bool)
    last = np.searchsorted(starts, ts, side="right") - 1
    within: np.ndarray = (last >= 0) & (ts < ends[last])
    return within


@lru_cache(maxsize=1 << 16)
def _find_offset(zone: ZoneInfo, hour: int) -> int:
    """Minutes that the clocks of the zone are ahead of UTC in this hour since 1970."""
    offset = datetime.fromtimestamp(hour * 3600, UTC).astimezone(zone).utcoffset()
    return int(offset.total_seconds() // 60) if offset else 0


def read_sessions(calendar: str, start: int, end: int) -> Sessions:
    """The trading days of a calendar that overlap [start, end). An empty name: UTC days that are open all the time.

    Raises `UnknownCalendar` for a name that no calendar has.
    """
    days = find_trading_days(calendar, _to_datetime(start), _to_datetime(end))
    return make_sessions(days, find_zone(calendar))


def make_sessions(days: list[TradingDay], zone: ZoneInfo) -> Sessions:
    """The arrays of these trading days, which are in time order."""
    seconds = [day.seconds for day in days]
    counts = [len(day.spans) for day in seconds]
    opened, closed = _to_edges([day.spans for day in seconds])
    trading_opened, trading_closed = _to_edges([day.all_spans for day in seconds])
    return Sessions(
        zone,
        np.array([day.start for day in seconds], np.int64) * SECOND,
        np.array([day.end for day in seconds], np.int64) * SECOND,
        np.array([day.date for day in days], "datetime64[D]"),
        opened,
        closed,
        np.repeat(np.arange(len(days)), counts),
        trading_opened,
        trading_closed,
    )


def _to_edges(spans: list[tuple[tuple[int, int], ...]]) -> tuple[np.ndarray, np.ndarray]:
    starts, ends = np.array([*chain.from_iterable(spans)], np.int64).reshape(-1, 2).T * SECOND
    return starts, ends


def _to_datetime(ns: int) -> datetime:
    return datetime.fromtimestamp(ns // SECOND, UTC)
