"""One backfill at a time in a database: a session advisory lock on a connection of its own.

Django's connection would lose it: a run that fails may close that one. The lock ends with the process, so a `running`
row of a backfill whose lock is free belongs to a process that died.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Iterator

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.utils import CursorWrapper

from ingestion.errors import DatabaseFailure, RetryableError
from ingestion.progress import Progress
from marketdata.advisory_locks import BACKFILL, describe_holder
from marketdata.models import Backfill
from marketdata.runs.commits import read_database_time

logger = logging.getLogger(__name__)

WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.5
_DIED = "The process died before the backfill was finished. The next backfill goes on with what had arrived."


class BackfillRuns(RetryableError):
    """Another backfill of this database runs."""


class BackfillLock:
    """The lock, while it is held."""

    def __init__(self, session: BaseDatabaseWrapper) -> None:
        self._session = session

    def require(self) -> None:
        """Raise `DatabaseFailure` unless the session still has the lock: after a restart of the database, another
        backfill may run."""
        try:
            with self._session.cursor() as cursor:
                cursor.execute("SELECT 1")
        except Error as error:
            raise DatabaseFailure(
                "The connection that marks this backfill as running was lost, so nothing more was bought: run the "
                "command again."
            ) from error


@contextlib.contextmanager
def hold_backfill_lock(progress: Progress) -> Iterator[BackfillLock]:
    """Within the block, no other backfill of this database runs. Rows of backfills that died are closed.

    Waits up to `WAIT_SECONDS` for another backfill, which `progress.wait_for` names; then raises `BackfillRuns`.
    """
    session = connections[DEFAULT_DB_ALIAS].copy()
    try:
        _acquire(session, progress)
        close_orphaned_backfills()
        yield BackfillLock(session)
    finally:
        session.close()


def close_orphaned_backfills() -> None:
    """Close running rows as failed. The caller holds the lock, so that their processes have ended."""
    now = read_database_time()
    running = Backfill.objects.filter(status=Backfill.Status.RUNNING)
    closed = running.update(status=Backfill.Status.FAILED, error=_DIED, finished_at=now)
    if closed:
        logger.info("Closed %s backfills of processes that died", closed)


def _acquire(session: BaseDatabaseWrapper, progress: Progress) -> None:
    deadline, named = time.monotonic() + WAIT_SECONDS, ""
    while True:
        progress.raise_if_cancelled()
        with session.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", BACKFILL)
            if cursor.fetchone()[0]:
                return
            holder = _describe_holder(cursor)
        if holder and holder != named:
            named = holder
            progress.wait_for(holder)
        if time.monotonic() > deadline:
            raise BackfillRuns(
                f"Another backfill runs ({named or 'it is not visible to this user'}), and did not end within "
                f"{WAIT_SECONDS:.0f} s: run the command again when it has ended."
            )
        time.sleep(_POLL_SECONDS)


def _describe_holder(cursor: CursorWrapper) -> str:
    holder = describe_holder(cursor, BACKFILL)
    if not holder:
        return ""
    row = Backfill.objects.filter(status=Backfill.Status.RUNNING).order_by("-pk").first()
    what = f"backfill {row.pk}, started {row.started_at:%Y-%m-%d %H:%M:%S} UTC" if row else "a backfill that begins"
    return f"{what}, {holder}"
