"""One state of the database, and the time as of which it is: an export and a verification read nothing else."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from marketdata.advisory_locks import LAKE_EXPORT, find_holders
from marketdata.lake.errors import LakeError
from marketdata.runs.commits import CommitInProgress, read_database_time, wait_for_commits

_COMMIT_SECONDS = 120.0
_ATTEMPTS = 100
_WAIT_SECONDS = 0.05

# TRUNCATE would empty the table also for this snapshot.
_BEGIN = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
SET LOCAL idle_in_transaction_session_timeout = 0;
SET LOCAL timezone = 'UTC';
SET LOCAL datestyle = 'ISO';
LOCK TABLE market_bars_ohlcv_1m, market_bars_ohlcv_1h IN ACCESS SHARE MODE
"""
_STATE = """
SELECT (SELECT identifier::text FROM feed_store), id, finished_at
FROM (VALUES (1)) AS one (row)
LEFT JOIN LATERAL (
    SELECT id, finished_at FROM data_ingest_runs
    WHERE status = 'success' AND finished_at > %s ORDER BY finished_at DESC LIMIT 1
) AS late ON true
"""
_RUNS = """
SELECT coalesce(range_agg(int8range(id, id, '[]')), '{}')::text,
    coalesce(md5(string_agg(concat_ws(' ', id, extract(epoch FROM finished_at)), ',' ORDER BY id)), '')
FROM data_ingest_runs
WHERE status = 'success'
"""


@dataclass(frozen=True)
class Snapshot:
    """`database`: the identifier of the database. The state is exactly the one as of `as_of`, UTC."""

    cursor: CursorWrapper
    database: str
    as_of: datetime

    def read_runs(self) -> tuple[str, str]:
        """The ids of all successful runs as ranges, and a hash of the ids with the times of their ends."""
        self.cursor.execute(_RUNS)
        ranges, runs_hash = self.cursor.fetchone()
        return format_ranges(ranges), runs_hash


@contextlib.contextmanager
def open_snapshot(*, lock: bool = False) -> Iterator[Snapshot]:
    """A transaction that only reads one state of the database.

    `lock`: for an export, of which a database has one at a time. Raises `LakeError` if another is running, if a commit
    does not end in time, or if the database's clock is before the end of a run.
    """
    for attempt in range(_ATTEMPTS):
        as_of = _settle()
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            cursor.execute(_BEGIN)
            if lock:
                _lock(cursor)
            cursor.execute(_STATE, [as_of])
            database, late_run, late_end = cursor.fetchone()
            if late_run is None:
                if database is None:
                    raise LakeError("The database has no identifier (feed_store is empty): run migrate on it.")
                yield Snapshot(cursor, database, as_of)
                return
        # A run was committed between the time and the snapshot. The next attempt has a later time.
        time.sleep(_WAIT_SECONDS if attempt else 0)
    raise LakeError(
        f"The database's clock ({as_of:%Y-%m-%d %H:%M:%S} UTC) is before the end of run {late_run} "
        f"({late_end:%Y-%m-%d %H:%M:%S}): correct the clock, or wait until then."
    )


def _settle() -> datetime:
    """A time of the database's clock, as of which nothing changes any more."""
    as_of = read_database_time()
    try:
        wait_for_commits(as_of, seconds=_COMMIT_SECONDS)
    except CommitInProgress as error:
        raise LakeError(
            f"Run {error.run_id} has been committing for {_COMMIT_SECONDS:.0f} seconds: try again when it has ended."
        ) from error
    return as_of


def _lock(cursor: CursorWrapper) -> None:
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", LAKE_EXPORT)
    if not cursor.fetchone()[0]:
        raise LakeError("Another export of this database is running: wait until it has ended.")


def is_export_running(cursor: CursorWrapper) -> bool:
    """Whether a session exports this database to any lake."""
    return bool(find_holders(cursor, LAKE_EXPORT))


def format_ranges(multirange: str) -> str:
    """{[1,6),[7,8)} as 1-5,7."""
    bounds = multirange.strip("{}").replace("[", "").replace(")", "").split(",")
    numbers = [int(bound) for bound in bounds if bound]
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return ",".join(str(first) if stop == first + 1 else f"{first}-{stop - 1}" for first, stop in pairs)


def parse_ranges(text: str) -> str:
    """1-5,7 as {[1,6),[7,8)}. Raises `ValueError` for other texts."""
    pairs = [[int(number) for number in part.split("-")] for part in text.split(",") if part]
    return "{" + ",".join(f"[{pair[0]},{pair[-1] + 1})" for pair in pairs) + "}"
