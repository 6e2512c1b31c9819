"""Locks of partition_bars: one command at a time, and short strong locks of the table of bars.

A statement that waits for a strong lock makes every later one wait. So each attempt waits for moments only, and the
next one follows after a pause in which others go on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TypeVar

from django.db import Error, OperationalError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg2.errorcodes import LOCK_NOT_AVAILABLE

from ingestion.archive.locks import pause
from ingestion.database import prepare_transaction
from ingestion.errors import RetryableError
from ingestion.progress import Progress
from ingestion.sessions.lock_holders import describe_sessions
from marketdata.advisory_locks import PARTITIONS, find_holders
from marketdata.database import get_sqlstate

Result = TypeVar("Result")

# Longer than deadlock_timeout (1 s), after which a waiting lock interrupts autovacuum. Readers go on meanwhile.
_WRITERS_TIMEOUT = "SET LOCAL lock_timeout = '1500ms'"
_READERS_TIMEOUT = "SET LOCAL lock_timeout = '200ms'"
_PAUSE_SECONDS = 1.0

_LOCKS = {
    "SHARE ROW EXCLUSIVE": "LOCK TABLE market_bars_ohlcv_1m IN SHARE ROW EXCLUSIVE MODE",
    "EXCLUSIVE": "LOCK TABLE market_bars_ohlcv_1m IN EXCLUSIVE MODE",
}
_LOCK_READERS_OUT = "LOCK TABLE market_bars_ohlcv_1m IN ACCESS EXCLUSIVE MODE"
_SESSIONS = """
SELECT coalesce(array_agg(DISTINCT pid), '{}') FROM pg_locks
WHERE locktype = 'relation' AND granted AND pid <> pg_backend_pid()
    AND relation = 'market_bars_ohlcv_1m'::regclass
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND (mode <> 'AccessShareLock' OR %s)
"""
# A transaction that has read something else before, under REPEATABLE READ, would not see rows that are newer than its
# snapshot: it would find the new table without them. A single statement, which starts and reads at once, is no danger.
# PostgreSQL shows the times of another role's sessions to members of pg_read_all_stats only, but each session's oldest
# transaction. So a session of unknown times counts unless its snapshot is later than the last of the copies.
_EARLIER_SNAPSHOTS = """
SELECT coalesce(array_agg(pid), '{}')
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
    AND coalesce(backend_type, 'client backend') = 'client backend'
    AND (
        xact_start < query_start
        OR query_start IS NULL AND age(backend_xmin) >= (SELECT min(age(xmin)) FROM market_bars_partitioning)
    )
    AND backend_xmin IS NOT NULL AND pid NOT IN (SELECT pid FROM pg_stat_replication)
"""


class EarlierSnapshot(Exception):
    """A transaction would not see what this one is about to commit. `pids`: its server processes."""

    def __init__(self, pids: list[int]) -> None:
        super().__init__(pids)
        self.pids = pids


@contextlib.contextmanager
def hold_partitions_lock() -> Iterator[None]:
    """Within the block, no other command partitions, archives or restores years. Raises `RetryableError` if one does.

    The lock is that of Django's session: if the session is lost, so is the work. It needs a session of its own, which
    `require_own_session` checks.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", PARTITIONS)
        if not cursor.fetchone()[0]:
            holder = describe_sessions(cursor, find_holders(cursor, PARTITIONS))
            raise RetryableError(
                f"Another command partitions, archives or restores years ({holder or 'it has just ended'}), so nothing "
                "was changed: run the command again when that one has ended."
            )
    try:
        yield
    finally:
        with contextlib.suppress(Error):
            if connection.connection is not None and not connection.in_atomic_block:
                with connection.cursor() as cursor:
                    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", PARTITIONS)


def run_locked(work: Callable[[CursorWrapper], Result], *, mode: str, progress: Progress) -> Result:
    """Call `work` in a transaction that has the table of bars locked in `mode`, and commit.

    EXCLUSIVE and SHARE ROW EXCLUSIVE let readers go on, and wait for the loads that run. Where a lock is not free at
    once, also one within `work`, everything is rolled back, and done again after a pause. `progress.wait_for` names
    the sessions for which this one waits, once each.
    """
    named = ""
    while True:
        progress.raise_if_cancelled()
        pids: list[int] | None = None
        try:
            with transaction.atomic(durable=True), connection.cursor() as cursor:
                prepare_transaction(cursor)
                cursor.execute(_WRITERS_TIMEOUT)
                cursor.execute(_LOCKS[mode])
                return work(cursor)
        except EarlierSnapshot as error:
            pids = error.pids
        except OperationalError as error:
            if get_sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
        holder = _describe_holders(pids)
        if holder and holder != named:
            named = holder
            progress.wait_for(holder)
        pause(_PAUSE_SECONDS, progress)


def lock_readers_out(cursor: CursorWrapper) -> None:
    """For the rest of the transaction, no other session reads the table of bars. Within `run_locked` only.

    Raises a database error (SQLSTATE 55P03) where readers do not end within 200 ms: `run_locked` tries again.
    """
    cursor.execute(_READERS_TIMEOUT)
    cursor.execute(_LOCK_READERS_OUT)


def refuse_earlier_snapshots(cursor: CursorWrapper) -> None:
    """Raise `EarlierSnapshot` while a transaction would not see what this one commits: `run_locked` tries again."""
    cursor.execute(_EARLIER_SNAPSHOTS)
    (pids,) = cursor.fetchone()
    if pids:
        raise EarlierSnapshot(pids)


def _describe_holders(pids: list[int] | None) -> str:
    with connection.cursor() as cursor:
        for readers in (False, True):
            if pids:
                break
            cursor.execute(_SESSIONS, [readers])
            (pids,) = cursor.fetchone()
        return describe_sessions(cursor, pids or [])
