"""Which bars history has confirmed: they are no longer provisional, though no run has changed them.

A day is confirmed by a transaction after that of the run which delivered it, and holds no position back. So days are
read from a minute before the position on: a client may get them twice.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from django.db import connection

from marketdata.history.live_bars import read_live_since
from marketdata.stream.position import FinishedRun, Position
from marketdata.stream.query import MAX_CHANGES, TooManyChanges, find_changes

CONFIRMED = "History confirmed more bars at once than are sent one by one."

_MARGIN = timedelta(minutes=1)
_MAX_KNOWN = 10_000
# The primary key serves it, from the first live day on.
_DAYS = """
SELECT series_id, day, confirmed_at, coalesce(covered_from, day::timestamp AT TIME ZONE 'UTC'), covered_until
FROM market_series_days
WHERE series_id = ANY (%(series)s) AND day >= %(first)s AND confirmed_at > %(since)s
"""
# Bars of files were not provisional before.
_MINUTES = """
SELECT found.ts
FROM unnest(%(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS days (covered_from, covered_until)
CROSS JOIN LATERAL (
    SELECT ts FROM market_bars_ohlcv_1m AS bars
    WHERE symbol = %(symbol)s AND ts >= covered_from AND ts < covered_until
        AND (SELECT kind FROM data_ingest_runs WHERE id = bars.ingestion_run_id) = 'live'
    LIMIT %(limit)s
) AS found
"""


class ConfirmedDay(NamedTuple):
    """A UTC day of a series, which history covers from `start` to `end` since `at`."""

    series_id: int
    day: date
    at: datetime
    start: datetime
    end: datetime


def find_confirmed(series: Collection[int], position: Position) -> list[ConfirmedDay]:
    """The days of these series, by their keys, that were confirmed after the position, or shortly before."""
    live_since = read_live_since()
    if live_since is None:
        return []
    bounds: dict[str, Any] = {"series": list(series), "first": live_since.date(), "since": position.horizon - _MARGIN}
    with connection.cursor() as cursor:
        cursor.execute(_DAYS, bounds)
        return [ConfirmedDay._make(row) for row in cursor.fetchall()]


def find_confirmed_minutes(symbol: str, days: Sequence[ConfirmedDay]) -> list[datetime]:
    """The minutes of the days whose bars the live feed brought, UTC. Raises `TooManyChanges`."""
    if not days:
        return []
    ranges = {"starts": [day.start for day in days], "ends": [day.end for day in days]}
    with connection.cursor() as cursor:
        cursor.execute(_MINUTES, ranges | {"symbol": symbol, "limit": MAX_CHANGES + 1})
        minutes = [ts for (ts,) in cursor.fetchall()]
    if len(minutes) > MAX_CHANGES:
        raise TooManyChanges(CONFIRMED)
    return minutes


def find_all_changes(symbol: str, runs: Sequence[FinishedRun], days: Sequence[ConfirmedDay]) -> dict[datetime, bool]:
    """The minutes of the series that these runs have written or removed, and those that were confirmed, in time order;
    whether one had a bar before. Raises `TooManyChanges`."""
    changes = find_changes(symbol, runs)
    if minutes := find_confirmed_minutes(symbol, days):
        changes = dict(sorted((changes | dict.fromkeys(minutes, True)).items()))
    if len(changes) > MAX_CHANGES:
        raise TooManyChanges(CONFIRMED)
    return changes


class Confirmations:
    """The days that are confirmed after a position, each of them once. Belongs to one thread."""

    def __init__(self) -> None:
        self._known: dict[ConfirmedDay, None] = {}

    def read(self, series: Collection[int], position: Position) -> list[ConfirmedDay]:
        """Those since the last `accept`."""
        return [day for day in find_confirmed(series, position) if day not in self._known] if series else []

    def accept(self, days: Collection[ConfirmedDay]) -> None:
        """All clients have them."""
        self._known |= dict.fromkeys(days)
        for day in list(self._known)[: max(0, len(self._known) - _MAX_KNOWN)]:
            del self._known[day]
