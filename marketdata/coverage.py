"""Which minutes of a series have bars, and where they are missing: read from the hourly ledger.

The ledger's masks say it all: sixty minutes are one row, and numpy takes all rows at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import numpy as np
from django.db import connection

from marketdata.models import Series
from marketdata.selectors import series_ends

MAX_GAPS = 1000
DEFAULT_COVERAGE = timedelta(days=366)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
_MOST_CANDIDATES = 100_000  # gaps in memory before all but the longest are let go


@dataclass(frozen=True)
class DayCoverage:
    """One UTC day that has bars. `gaps`: places inside the day where minutes are missing between two bars."""

    day: date
    bars: int
    first: datetime
    last: datetime
    gaps: int


@dataclass(frozen=True)
class Gap:
    """No bars between the bar at `after` and the bar at `before`."""

    after: datetime
    before: datetime

    @property
    def minutes(self) -> int:
        """How many minutes are missing."""
        return int((self.before - self.after).total_seconds()) // 60 - 1


@dataclass(frozen=True)
class Coverage:
    """Bars per UTC day in [start, end), and the gaps between bars: how many, and the longest of them by time."""

    start: datetime
    end: datetime
    days: list[DayCoverage]
    gap_count: int
    gaps: list[Gap]


def series_coverage(series: Series, *, start: datetime | None, end: datetime | None) -> Coverage | None:
    """Coverage of the range; by default of the last year of data that ends with the last bar. None for no bars at all.

    Reads one row of the ledger for each hour with bars: a year of one series is 8,784 at most.
    """
    ends = series_ends(series)
    if ends is None:
        return None
    end = end or ends[1] + _MINUTE
    start = start or max(ends[0], _before(end, DEFAULT_COVERAGE))
    if start >= end:
        return Coverage(start, max(start, end), [], 0, [])
    held = _read_ledger(series.symbol, start, end)
    inside, between = _inner_gaps(held), _gaps_to_next(held)
    gap_count = int(inside.sum() + between.sum())
    return Coverage(start, end, _days(held, inside, between), gap_count, _longest_gaps(held, inside, between))


def _before(moment: datetime, span: timedelta) -> datetime:
    return moment - span if moment - datetime.min.replace(tzinfo=UTC) > span else datetime.min.replace(tzinfo=UTC)


# --- The ledger as arrays --------------------------------------------------------------------------------------------

_MASKS = """
SELECT date_part('epoch', hour)::bigint / 3600, minutes
FROM market_bars_ohlcv_1h
WHERE symbol = %(symbol)s AND hour >= %(first)s AND hour <= %(last)s
ORDER BY hour
"""


@dataclass(frozen=True)
class _Hours:
    """Hours with bars in time order, one element of each array per hour; times are whole minutes since 1970."""

    start: np.ndarray
    minutes: np.ndarray  # bit n: minute n has a bar

    @property
    def first(self) -> np.ndarray:
        return self.start + np.bitwise_count((self.minutes & -self.minutes) - 1)

    @property
    def last(self) -> np.ndarray:
        below = self.minutes.copy()
        for shift in (1, 2, 4, 8, 16, 32):  # every bit below the highest
            below |= below >> shift
        return self.start + np.bitwise_count(below) - 1

    @property
    def day(self) -> np.ndarray:
        return self.start // (24 * 60)


def _read_ledger(symbol: str, start: datetime, end: datetime) -> _Hours:
    """The hours in [start, end); minutes outside are cut from the hours at both ends."""
    first, stop = _minutes_up_to(start), _minutes_up_to(end)
    if first >= stop:
        return _Hours(np.empty(0, np.int64), np.empty(0, np.int64))
    first_hour, last_hour = first // 60, (stop - 1) // 60
    bounds = {"first": _EPOCH + first_hour * _HOUR, "last": _EPOCH + last_hour * _HOUR}
    with connection.cursor() as cursor:
        cursor.execute(_MASKS, {"symbol": symbol, **bounds})
        hour, minutes = np.array(cursor.fetchall(), np.int64).reshape(-1, 2).T.copy()
    minutes[hour == first_hour] &= -1 << (first - first_hour * 60)
    minutes[hour == last_hour] &= (1 << (stop - last_hour * 60)) - 1
    held = minutes != 0
    return _Hours(hour[held] * 60, minutes[held])


def _minutes_up_to(moment: datetime) -> int:
    """How many minutes start before the moment, counted from 1970."""
    return -((_EPOCH - moment) // _MINUTE)


def _moment(minute: np.int64) -> datetime:
    return _EPOCH + int(minute) * _MINUTE


# --- Days and gaps ---------------------------------------------------------------------------------------------------


def _inner_gaps(held: _Hours) -> np.ndarray:
    """Per hour: how many gaps between its own bars; one fewer than its stretches of bars."""
    return np.bitwise_count(held.minutes & ~(held.minutes << 1)).astype(np.int64) - 1


def _gaps_to_next(held: _Hours) -> np.ndarray:
    """Per hour but the last: whether minutes are missing between it and the next hour with bars."""
    return held.first[1:] - held.last[:-1] > 1


def _days(held: _Hours, inside: np.ndarray, between: np.ndarray) -> list[DayCoverage]:
    if not len(held.start):
        return []
    day, first, last = held.day, held.first, held.last
    same_day = day[1:] == day[:-1]
    begins = np.flatnonzero(np.concatenate([[True], ~same_day]))
    ends = np.concatenate([begins[1:], [len(day)]]) - 1
    gaps = inside.copy()
    gaps[1:] += between & same_day
    bars = np.bitwise_count(held.minutes).astype(np.int64)
    columns = (day[begins], np.add.reduceat(bars, begins), first[begins], last[ends], np.add.reduceat(gaps, begins))
    return [
        DayCoverage((_EPOCH + number * _DAY).date(), count, _moment(earliest), _moment(latest), gap_count)
        for number, count, earliest, latest, gap_count in zip(*(column.tolist() for column in columns), strict=True)
    ]


def _longest_gaps(held: _Hours, inside: np.ndarray, between: np.ndarray) -> list[Gap]:
    """The longest gaps in time order; of equally long ones the earlier."""
    found = np.stack([held.last[:-1][between], held.first[1:][between]])
    start, minutes = held.start[inside > 0], held.minutes[inside > 0]
    latest = np.full(len(start), 60)  # the last minute with a bar so far; 60 until there is one, so that none is behind
    for minute in range(60):
        here = (minutes >> minute & 1).astype(bool)
        gap = here & (minute - latest > 1)
        found = np.hstack([found, [start[gap] + latest[gap], start[gap] + minute]])
        latest[here] = minute
        if found.shape[1] > _MOST_CANDIDATES:
            found = _longest(found)
    found = _longest(found)
    return [Gap(_moment(after), _moment(before)) for after, before in found[:, np.argsort(found[0])].T]


def _longest(gaps: np.ndarray) -> np.ndarray:
    after, before = gaps
    return gaps[:, np.lexsort((before, after - before))[:MAX_GAPS]]
