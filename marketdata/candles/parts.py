"""Which hours of the rollup, and which minutes beside them, the candles of some periods are aggregated from.

A part is an interval whose bars belong to one period. Its whole hours UTC are read from the hourly rollup, and the
minutes before and after them from the bars. So a day from 09:30 to 16:00 is half an hour of bars and six hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from psycopg2 import sql

from marketdata.calendars.intervals import intersect
from marketdata.candles.periods import Periods

_HOUR = 3600


@dataclass(frozen=True)
class Parts:
    """Intervals that are disjoint, not empty and in time order, as int64 arrays of equal length.

    `periods` are indexes of periods. Times are seconds since 1970, UTC.
    """

    periods: np.ndarray
    starts: np.ndarray
    ends: np.ndarray

    def __len__(self) -> int:
        return len(self.starts)

    def select(self, chosen: np.ndarray) -> Parts:
        """Those for which `chosen` is true."""
        return Parts(self.periods[chosen], self.starts[chosen], self.ends[chosen])

    def list_ranges(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends of the ranges that the parts fill without a gap."""
        begins, ends = np.ones(len(self), bool), np.ones(len(self), bool)
        begins[1:] = ends[:-1] = self.starts[1:] != self.ends[:-1]
        return self.starts[begins], self.ends[ends]

    def cut(self, moment: int) -> Parts:
        """The same parts, of which none begins before the moment and ends after it."""
        cut = (self.starts < moment) & (self.ends > moment)
        if not cut.any():
            return self
        at = int(np.flatnonzero(cut)[0])
        return Parts(
            np.insert(self.periods, at, self.periods[at]),
            np.insert(self.starts, at + 1, moment),
            np.insert(self.ends, at, moment),
        )


def write_array(numbers: np.ndarray) -> sql.Literal:
    """An array literal: PostgreSQL would parse each of thousands of single numbers as an expression."""
    return sql.Literal(f"{{{','.join(map(str, numbers.tolist()))}}}")


def find_parts(periods: Periods) -> Parts:
    """The parts of the periods: all of them, or their times within regular hours."""
    if periods.within is None:
        return Parts(np.arange(len(periods)), periods.starts, periods.ends)
    return Parts(*intersect(periods.starts, periods.ends, periods.within.opened, periods.within.closed))


def split_at_hours(parts: Parts) -> tuple[Parts, Parts]:
    """The whole hours of the parts, and the rest of them."""
    first, last = -(-parts.starts // _HOUR) * _HOUR, parts.ends // _HOUR * _HOUR
    has_hours = first < last
    # A part without a whole hour is one piece: it ends where the hours would begin.
    pieces = np.where(has_hours, first, parts.ends), np.where(has_hours, last, parts.ends)
    starts = np.stack([parts.starts, pieces[1]], axis=1).ravel()
    ends = np.stack([pieces[0], parts.ends], axis=1).ravel()
    rest = Parts(np.repeat(parts.periods, 2), starts, ends)
    return Parts(parts.periods, first, last).select(has_hours), rest.select(starts < ends)
