"""Which minutes of a series have bars, read from the hourly rollup: at most 8,784 rows for a year of one series.

The sixty minutes of an hour are one bit mask, and numpy processes all masks at once. Times are minutes since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from django.db import connection

from marketdata.calendars.intervals import intersect

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True)
class MinuteMasks:
    """Hours with marked minutes, in time order: one int64 element of each array per hour."""

    start: np.ndarray  # the hour's first minute
    minutes: np.ndarray  # bit n is set if minute n is marked; never 0

    @property
    def first(self) -> np.ndarray:
        """Each hour's first marked minute."""
        minute: np.ndarray = self.start + _find_lowest_bit(self.minutes)
        return minute

    @property
    def last(self) -> np.ndarray:
        """Each hour's last marked minute."""
        minute: np.ndarray = self.start + _find_highest_bit(self.minutes)
        return minute

    @cached_property
    def run_starts(self) -> MinuteMasks:
        """The first minute of each unbroken run of marked minutes; hours without one are omitted."""
        before = self.minutes << 1
        before[1:] |= (self.start[1:] - self.start[:-1] == 60) & (self.minutes[:-1] >> 59)
        begins = self.minutes & ~before
        return MinuteMasks(self.start[begins != 0], begins[begins != 0])

    def clip(self, first: int, stop: int) -> MinuteMasks:
        """The marked minutes of [first, stop)."""
        hours = slice(np.searchsorted(self.start, first - 59), np.searchsorted(self.start, stop))
        start = self.start[hours]
        minutes = self.minutes[hours] & _mask_below(stop - start) & ~_mask_below(first - start)
        return MinuteMasks(start[minutes != 0], minutes[minutes != 0])

    def select(self, starts: np.ndarray, ends: np.ndarray) -> MinuteMasks:
        """The marked minutes of these intervals, which are disjoint and in time order."""
        hour, first, stop = intersect(self.start, self.start + 60, starts, ends)
        offset = self.start[hour]
        chosen = np.zeros(len(self.start), np.int64)
        np.bitwise_or.at(chosen, hour, _mask_below(stop - offset) & ~_mask_below(first - offset))
        minutes = self.minutes & chosen
        return MinuteMasks(self.start[minutes != 0], minutes[minutes != 0])

    def count_before(self, moments: np.ndarray) -> np.ndarray:
        """How many minutes before each moment are marked."""
        hour, minutes = self._find_hour(moments)
        within = minutes & _mask_below(moments - self._start[hour])
        count: np.ndarray = self._counts_before[hour] + np.bitwise_count(within)
        return count

    def find_first_from(self, moments: np.ndarray) -> np.ndarray:
        """The first marked minute at or after each moment. There must be one."""
        hour, minutes = self._find_hour(moments)
        rest = minutes & ~_mask_below(moments - self._start[hour])
        hour = hour + (rest == 0)
        minute: np.ndarray = self._start[hour] + _find_lowest_bit(np.where(rest, rest, self._minutes[hour]))
        return minute

    def find_last_before(self, moments: np.ndarray) -> np.ndarray:
        """The last marked minute before each moment. There must be one."""
        hour, minutes = self._find_hour(moments)
        rest = minutes & _mask_below(moments - self._start[hour])
        hour = hour - (rest == 0)
        minute: np.ndarray = self._start[hour] + _find_highest_bit(np.where(rest, rest, self._minutes[hour]))
        return minute

    def list_minutes(self, limit: int) -> list[int]:
        """The first `limit` marked minutes."""
        hour, minute = np.nonzero(self.minutes[:limit, None] >> np.arange(60) & 1)  # each hour has one or more
        minutes: list[int] = (self.start[:limit][hour] + minute)[:limit].tolist()
        return minutes

    def _find_hour(self, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each moment the index of the first hour that ends after it, and that hour's minutes."""
        hour = np.searchsorted(self.start, moments - 60, side="right")
        return hour, self._minutes[hour]

    # An hour without marked minutes follows the last one, so that `_find_hour` finds an hour for every moment.

    @cached_property
    def _start(self) -> np.ndarray:
        return np.append(self.start, np.iinfo(np.int64).max // 2)

    @cached_property
    def _minutes(self) -> np.ndarray:
        return np.append(self.minutes, 0)

    @cached_property
    def _counts_before(self) -> np.ndarray:
        return np.concatenate(([0], np.cumsum(np.bitwise_count(self.minutes), dtype=np.int64)))


_MASKS = """
SELECT date_part('epoch', hour)::bigint / 60, minutes
FROM market_bars_ohlcv_1h
WHERE symbol = %(symbol)s AND hour >= %(first)s AND hour <= %(last)s
ORDER BY hour
"""


def read_minute_masks(symbol: str, start: datetime, end: datetime) -> MinuteMasks:
    """The minutes of [start, end) that have bars; both bounds UTC, at any second."""
    first, stop = datetime_to_minute(start), datetime_to_minute(end)
    if first >= stop:
        return MinuteMasks(np.empty(0, np.int64), np.empty(0, np.int64))
    bounds = {"first": _EPOCH + first // 60 * _HOUR, "last": _EPOCH + (stop - 1) // 60 * _HOUR}
    with connection.cursor() as cursor:
        cursor.execute(_MASKS, {"symbol": symbol, **bounds})
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    return MinuteMasks(*rows.T.copy()).clip(first, stop)


def datetime_to_minute(moment: datetime) -> int:
    """The number of the first minute since 1970 that starts at or after the moment."""
    return -((_EPOCH - moment) // _MINUTE)


def minute_to_datetime(minute: int) -> datetime:
    """The UTC time at which this minute since 1970 starts."""
    return _EPOCH + minute * _MINUTE


def _mask_below(count: np.ndarray) -> np.ndarray:
    """A mask of an hour's first `count` minutes: none for a negative count, all sixty from 60 on."""
    mask: np.ndarray = (1 << np.clip(count, 0, 60)) - 1
    return mask


def _find_lowest_bit(minutes: np.ndarray) -> np.ndarray:
    bit: np.ndarray = np.bitwise_count((minutes & -minutes) - 1).astype(np.int64)
    return bit


def _find_highest_bit(minutes: np.ndarray) -> np.ndarray:
    below = minutes.copy()
    for shift in (1, 2, 4, 8, 16, 32):  # sets every bit below the highest
        below |= below >> shift
    bit: np.ndarray = np.bitwise_count(below).astype(np.int64) - 1
    return bit
