"""Which minutes of a series some runs have changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any

from django.db import connection

from marketdata.sources.split import Sources, read_settled
from marketdata.stream.position import FinishedRun
from marketdata.timestamps import from_seconds

# More changes than these are not sent one by one: clients fetch the bars again.
MAX_CHANGES = 500
_MINUTE = timedelta(minutes=1)

LOADED = "More bars changed at once than are sent one by one."
CALENDAR = "The series has another trading calendar, so its candles have other times."
MOVED = "Bars moved to the series of their contracts."
TOO_OLD = "The position is unknown, or more changed since than is sent one by one."


class TooManyChanges(Exception):
    """The changes are not sent one by one. The message gives the reason to clients."""


# The limit of each run makes PostgreSQL read its minutes by the primary key.
_INSERTED = """
SELECT bars.ts, false AS is_revision
FROM unnest(%(ids)s::bigint[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS runs (id, first, last)
CROSS JOIN LATERAL (
    SELECT ts FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts BETWEEN first AND last AND ingestion_run_id = runs.id
    LIMIT %(limit)s
) AS bars
"""
_REVISED = """
SELECT ts, true AS is_revision
FROM market_bar_revisions
WHERE symbol = %(symbol)s AND revised_by_id = ANY (%(revisers)s)
"""
_CHANGED = "SELECT ts, bool_or(is_revision) FROM ({changes}) AS changes GROUP BY ts ORDER BY ts LIMIT %(limit)s"


def find_changes(symbol: str, runs: Sequence[FinishedRun]) -> dict[datetime, bool]:
    """The minutes of the series that these runs have written or removed, in time order, UTC; whether one had a bar
    before.

    Raises `TooManyChanges` for more than `MAX_CHANGES`, and `ArchivedBarsUnreadable`.
    """
    runs = [run for run in runs if symbol in run.symbols]
    if any(run.moved for run in runs):
        raise TooManyChanges(MOVED)
    statement, parameters = _prepare(symbol, runs)
    if not statement:
        return {}
    found = read_settled(partial(_read, statement, parameters))
    if len(found) > MAX_CHANGES:
        raise TooManyChanges(LOADED)
    return found


def _read(statement: str, parameters: dict[str, Any], sources: Sources) -> dict[datetime, bool]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        found = dict(cursor.fetchall())
    archived = _iterate_archived(parameters, sources)
    for ts in islice(archived, MAX_CHANGES + 1):
        found.setdefault(ts, False)
    return dict(sorted(found.items()))


def _iterate_archived(parameters: dict[str, Any], sources: Sources) -> Iterator[datetime]:
    """The archived minutes that the runs have inserted."""
    for run, start, end in zip(*(parameters[name] for name in ("ids", "starts", "ends")), strict=True):
        for piece in sources.find_archived(start, end + _MINUTE):
            for table in piece.iterate_tables(parameters["symbol"], ("ts_ms", "ingestion_run_id")):
                times, runs = (table[name].to_numpy() for name in ("ts_ms", "ingestion_run_id"))
                yield from (from_seconds(ts // 1000) for ts in times[runs == run].tolist())


def _prepare(symbol: str, runs: Sequence[FinishedRun]) -> tuple[str, dict[str, Any]]:
    """The statement; empty if no run has written anything.

    A replaced bar has a revision. A bar that an undo restores has one too: that of the run which had removed it.
    """
    inserting = [run for run in runs if run.undoes is None and run.inserted]
    revisers = {run.id for run in runs if run.replaced or run.undoes}
    revisers |= {run.undoes for run in runs if run.undoes}
    parts = [_INSERTED] * bool(inserting) + [_REVISED] * bool(revisers)
    if not parts:
        return "", {}
    parameters = {
        "symbol": symbol,
        "ids": [run.id for run in inserting],
        "starts": [run.start for run in inserting],
        "ends": [run.end for run in inserting],
        "revisers": sorted(revisers),
        "limit": MAX_CHANGES + 1,
    }
    return _CHANGED.format(changes=" UNION ALL ".join(parts)), parameters
