"""Which hours of the rollup, and which minutes beside them, the candles of some periods are aggregated from.

A part is an interval whose bars belong to one period. Its whole hours UTC are read from the hourly rollup, and the
minutes before and after them from the bars. So a day from 09:30 to 16:00 is half an hour of bars and six hours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.calendars.intervals import intersect
from marketdata.candles.periods import Periods

NO_PERIOD = -1
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

    def list_edges(self) -> tuple[np.ndarray, np.ndarray]:
        """Each time at which another period begins, and its index; `NO_PERIOD` where none does."""
        edges = np.stack([self.starts, self.ends], axis=1).ravel()
        periods = np.stack([self.periods, np.full(len(self), NO_PERIOD)], axis=1).ravel()
        # Where a part begins at the end of the one before, only its start is an edge.
        is_edge = np.ones(len(edges), bool)
        is_edge[:-1] = edges[:-1] != edges[1:]
        return edges[is_edge], periods[is_edge]

    def list_ranges(self) -> tuple[np.ndarray, np.ndarray]:
        """Starts and ends of the ranges that the parts fill without a gap."""
        begins, ends = np.ones(len(self), bool), np.ones(len(self), bool)
        begins[1:] = ends[:-1] = self.starts[1:] != self.ends[:-1]
        return self.starts[begins], self.ends[ends]


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
    return _select(Parts(parts.periods, first, last), has_hours), _select(rest, starts < ends)


def _select(parts: Parts, chosen: np.ndarray) -> Parts:
    return Parts(parts.periods[chosen], parts.starts[chosen], parts.ends[chosen])
