"""Which minutes of a series have bars, as the hourly ledger has it: a year of one series is 8,784 rows at most.

Sixty minutes are one mask, and numpy takes all masks at once. Times are whole minutes since 1970, UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

import numpy as np
from django.db import connection

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)


@dataclass(frozen=True)
class MinuteMasks:
    """Hours with minutes that are marked, in time order: one element of each array per hour."""

    start: np.ndarray
    minutes: np.ndarray  # bit n: minute n is marked; at least one is

    @property
    def first(self) -> np.ndarray:
        """Each hour's first marked minute."""
        return self.start + _lowest(self.minutes)

    @property
    def last(self) -> np.ndarray:
        """Each hour's last marked minute."""
        return self.start + _highest(self.minutes)

    @cached_property
    def runs(self) -> MinuteMasks:
        """Where unbroken runs of marked minutes begin; hours in which none does are left out."""
        before = self.minutes << 1
        before[1:] |= (self.start[1:] - self.start[:-1] == 60) & (self.minutes[:-1] >> 59)
        begins = self.minutes & ~before
        return MinuteMasks(self.start[begins != 0], begins[begins != 0])

    def between(self, first: int, stop: int) -> MinuteMasks:
        """Only the minutes of [first, stop)."""
        place = slice(np.searchsorted(self.start, first - 59), np.searchsorted(self.start, stop))
        start = self.start[place]
        minutes = self.minutes[place] & _below(stop - start) & ~_below(first - start)
        return MinuteMasks(start[minutes != 0], minutes[minutes != 0])

    def before(self, moments: np.ndarray) -> np.ndarray:
        """How many marked minutes lie before each moment."""
        hour, minutes = self._hour_of(moments)
        return self._counted[hour] + np.bitwise_count(minutes & _below(moments - self._start[hour]))

    def first_from(self, moments: np.ndarray) -> np.ndarray:
        """The first marked minute at or after each moment. There must be one."""
        hour, minutes = self._hour_of(moments)
        rest = minutes & ~_below(moments - self._start[hour])
        hour = hour + (rest == 0)
        return self._start[hour] + _lowest(np.where(rest, rest, self._minutes[hour]))

    def last_before(self, moments: np.ndarray) -> np.ndarray:
        """The last marked minute before each moment. There must be one."""
        hour, minutes = self._hour_of(moments)
        rest = minutes & _below(moments - self._start[hour])
        hour = hour - (rest == 0)
        return self._start[hour] + _highest(np.where(rest, rest, self._minutes[hour]))

    def _hour_of(self, moments: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The first hour that does not end before the moment, by its place, and its minutes."""
        hour = np.searchsorted(self.start, moments - 60, side="right")
        return hour, self._minutes[hour]

    # With an hour behind the last one, in which nothing is marked, so that every moment finds one.

    @cached_property
    def _start(self) -> np.ndarray:
        return np.append(self.start, np.iinfo(np.int64).max // 2)

    @cached_property
    def _minutes(self) -> np.ndarray:
        return np.append(self.minutes, 0)

    @cached_property
    def _counted(self) -> np.ndarray:
        return np.concatenate(([0], np.cumsum(np.bitwise_count(self.minutes), dtype=np.int64)))


_MASKS = """
SELECT date_part('epoch', hour)::bigint / 60, minutes
FROM market_bars_ohlcv_1h
WHERE symbol = %(symbol)s AND hour >= %(first)s AND hour <= %(last)s
ORDER BY hour
"""


def read_minute_masks(symbol: str, start: datetime, end: datetime) -> MinuteMasks:
    """The minutes of [start, end) that have bars."""
    first, stop = datetime_to_minute(start), datetime_to_minute(end)
    if first >= stop:
        return MinuteMasks(np.empty(0, np.int64), np.empty(0, np.int64))
    bounds = {"first": _EPOCH + first // 60 * _HOUR, "last": _EPOCH + (stop - 1) // 60 * _HOUR}
    with connection.cursor() as cursor:
        cursor.execute(_MASKS, {"symbol": symbol, **bounds})
        rows = np.array(cursor.fetchall(), np.int64).reshape(-1, 2)
    return MinuteMasks(*rows.T.copy()).between(first, stop)


def datetime_to_minute(moment: datetime) -> int:
    """How many minutes start before the moment, counted from 1970."""
    return -((_EPOCH - moment) // _MINUTE)


def minute_to_datetime(minute: int) -> datetime:
    """The UTC time of so many minutes since 1970."""
    return _EPOCH + minute * _MINUTE


def _below(count: np.ndarray) -> np.ndarray:
    """A mask of an hour's first so many minutes."""
    return (1 << np.clip(count, 0, 60)) - 1


def _lowest(minutes: np.ndarray) -> np.ndarray:
    return np.bitwise_count((minutes & -minutes) - 1).astype(np.int64)


def _highest(minutes: np.ndarray) -> np.ndarray:
    below = minutes.copy()
    for shift in (1, 2, 4, 8, 16, 32):  # every bit below the highest
        below |= below >> shift
    return np.bitwise_count(below).astype(np.int64) - 1
