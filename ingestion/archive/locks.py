"""Locks of the table of bars that others must not wait for: each attempt ends within 200 ms.

PostgreSQL queues all statements after a lock that waits. So a command that waited for a long load would also block
readers. It tries again instead, and leaves a pause between two attempts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from django.db import DatabaseError, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql
from psycopg2.errorcodes import DEADLOCK_DETECTED, LOCK_NOT_AVAILABLE

from ingestion.errors import DatabaseFailure
from ingestion.progress import Progress
from ingestion.sessions.lock_holders import find_table_holder
from marketdata.advisory_locks import LAKE_EXPORT, PARTITIONS
from marketdata.database import get_sqlstate

_LOCK_TIMEOUT = "SET LOCAL lock_timeout = '200ms'"
_PAUSES = (0.5, 1.0, 2.0, 5.0)  # seconds; the last one repeats
_UPGRADES = 4  # attempts to get the last lock while writers wait, of 200 ms each
_UPGRADE_PAUSE_SECONDS = 0.05
_TRY_LOCK = "SELECT pg_try_advisory_xact_lock(%s, %s)"

Result = TypeVar("Result")


def retry_locks(attempt: Callable[[], Result], progress: Progress) -> Result:
    """Call `attempt`, which has a transaction of its own, until it gets its locks. Reports once for whom it waits.

    Raises `Interrupted` between two attempts.
    """
    reported, pauses = "", iter(_PAUSES)
    while True:
        progress.raise_if_cancelled()
        try:
            return attempt()
        except DatabaseError as error:
            if not _is_lock_missing(error):
                raise
        with connection.cursor() as cursor:
            holder = find_table_holder(cursor)
        if holder and not reported:
            reported = holder
            progress.wait_for(holder)
        pause(next(pauses, _PAUSES[-1]), progress)


def pause(seconds: float, progress: Progress) -> None:
    """Wait between two attempts. Raises `Interrupted` after a signal."""
    until = time.monotonic() + seconds
    while (rest := until - time.monotonic()) > 0:
        progress.raise_if_cancelled()
        time.sleep(min(rest, 0.1))


def limit_waiting(cursor: CursorWrapper) -> None:
    """No lock of this transaction is waited for longer than 200 ms."""
    cursor.execute(_LOCK_TIMEOUT)


def lock_commands(cursor: CursorWrapper) -> None:
    """One command at a time moves years, and no export changes the lake meanwhile. Lasts until the transaction ends.

    Raises `DatabaseFailure` if another has the lock.
    """
    cursor.execute(_TRY_LOCK, PARTITIONS)
    if not cursor.fetchone()[0]:
        raise DatabaseFailure(
            "Another command partitions the table of bars, or archives or restores a year: wait until it has ended."
        )
    cursor.execute(_TRY_LOCK, LAKE_EXPORT)
    if not cursor.fetchone()[0]:
        raise DatabaseFailure("An export to a lake is running: wait until it has ended.")


def execute_soon(cursor: CursorWrapper, statement: sql.Composed) -> None:
    """Execute a statement that needs a strong lock for a moment, in several short attempts.

    The locks that the transaction has already are kept. Raises the error of the last attempt.
    """
    for number in range(_UPGRADES):
        try:
            with transaction.atomic():
                cursor.execute(statement)
            return
        except DatabaseError as error:
            if number + 1 == _UPGRADES or not _is_lock_missing(error):
                raise
        time.sleep(_UPGRADE_PAUSE_SECONDS)


def _is_lock_missing(error: DatabaseError) -> bool:
    return get_sqlstate(error) in (LOCK_NOT_AVAILABLE, DEADLOCK_DETECTED)
