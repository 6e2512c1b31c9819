"""Where a stream is among the commits of runs: the id of its events, from which it goes on without a hole.

Runs commit in another order than they start and finish, so neither the number of a run nor its `finished_at` is a
position. A position is a time, the horizon: the changes of all runs that had finished by then are known. A run that is
being committed may still get an earlier `finished_at` than the time of the clock, so the horizon does not pass it: it
holds the lock of `marketdata.runs.commits`. A horizon that is too early costs repeated events, never a lost one.

`lowest_run` only makes the search fast: runs that finish after the horizon have this number or a higher one.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from django.db import connection

from marketdata.advisory_locks import COMMIT_CLASS, RUN_CLASS

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_TEXT = re.compile(r"([0-9]{1,17})\.([0-9]{1,18})")
# So many runs may be inserted, and be visible, before the row of one that got its number earlier.
_LATE_NUMBERS = 1_000
# Clocks of a replica and its primary may differ, and locks of the primary are not visible there.
_AHEAD = timedelta(minutes=1)
_LAG_SECONDS = 10


@dataclass(frozen=True)
class Position:
    """The changes of all runs that had finished by `horizon`, UTC, are known. Others have numbers from `lowest_run`."""

    horizon: datetime
    lowest_run: int

    def __str__(self) -> str:
        return f"{(self.horizon - _EPOCH) // _MICROSECOND}.{self.lowest_run}"

    @classmethod
    def parse(cls, text: str) -> Position | None:
        """The position of an event's id; None if the text is none."""
        match = _TEXT.fullmatch(text.strip()) if text.isascii() else None
        return match and cls(_EPOCH + int(match[1]) * _MICROSECOND, int(match[2]))


class FinishedRun(NamedTuple):
    """A run whose changes are committed. `undoes`: the run that it undoes. It `inserted` bars that were not there,
    `replaced` or removed others, or `moved` bars between series, as a split and its undo do. `start` and `end`: its
    first and last minute."""

    id: int
    symbols: list[str]
    undoes: int | None
    inserted: bool
    replaced: bool
    moved: bool
    start: datetime | None
    end: datetime | None


# The clock is read by a statement of its own, before the locks: a commit that begins after it cannot have an earlier
# `finished_at`.
_CLOCK = f"""
SELECT CASE
    WHEN pg_is_in_recovery()
    THEN coalesce(pg_last_xact_replay_timestamp(), 'epoch') - interval '{_LAG_SECONDS} seconds'
    ELSE clock_timestamp()
END
"""
# A run that is being committed finishes after it started. A run without its lock belongs to a process that died; on a
# replica no lock is visible.
_COMMITS = """
WITH locks AS MATERIALIZED (
    SELECT classid, objid::int8 AS number
    FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND classid IN (%(commit)s, %(run)s)
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
),
running AS (
    SELECT id, started_at, id %% 2147483648 AS number FROM data_ingest_runs WHERE status = 'running'
)
SELECT min(started_at) FILTER (WHERE number IN (SELECT number FROM locks WHERE classid = %(commit)s)),
    min(id) FILTER (WHERE pg_is_in_recovery() OR number IN (SELECT number FROM locks)),
    (SELECT max(id) FROM data_ingest_runs)
FROM running
"""
_FINISHED = """
SELECT id, symbols, undoes_id, inserted_count > 0, changed_count + removed_count > 0, moves IS NOT NULL, min_ts, max_ts
FROM data_ingest_runs
WHERE status = 'success' AND {condition}
ORDER BY id
LIMIT %(limit)s
"""
_AFTER_POSITION = _FINISHED.format(
    condition="id >= %(lowest)s AND finished_at > %(horizon)s"
    " AND (%(symbol)s::varchar IS NULL OR symbols @> ARRAY[%(symbol)s]::varchar[])"
)
_BY_NUMBER = _FINISHED.format(condition="id = ANY (%(ids)s)")


def read_position() -> Position:
    """The position now: what is read after this includes the changes of all runs that had finished by the horizon.

    The connection must be in autocommit mode, so that the next statement sees what was committed before it.
    """
    with connection.cursor() as cursor:
        cursor.execute(_CLOCK)
        now = cursor.fetchone()[0]
        cursor.execute(_COMMITS, {"commit": COMMIT_CLASS, "run": RUN_CLASS})
        committing, lowest, highest = cursor.fetchone()
    horizon = now if committing is None else min(now, committing - _MICROSECOND)
    first_late = max(1, (highest or 0) + 1 - _LATE_NUMBERS)
    return Position(horizon, first_late if lowest is None else min(lowest, first_late))


def is_known(position: Position, now: Position) -> bool:
    """Whether this database can have given the position: it is not in the future."""
    return position.horizon <= now.horizon + _AHEAD and position.lowest_run <= now.lowest_run + _LATE_NUMBERS


def find_finished(position: Position, *, limit: int, symbol: str | None = None) -> list[FinishedRun]:
    """Up to `limit` runs that finished after the position, by number; with `symbol` only those of this series."""
    parameters = {"lowest": position.lowest_run, "horizon": position.horizon, "symbol": symbol, "limit": limit}
    return _select(_AFTER_POSITION, parameters)


def read_finished(ids: Collection[int]) -> list[FinishedRun]:
    """Those of these runs whose changes are committed."""
    return _select(_BY_NUMBER, {"ids": list(ids), "limit": len(ids)}) if ids else []


def _select(statement: str, parameters: dict) -> list[FinishedRun]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [FinishedRun._make(row) for row in cursor.fetchall()]
