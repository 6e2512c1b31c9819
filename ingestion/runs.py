"""Opening and closing a run: its row is committed before anything is read, and closed exactly once."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Iterator
from datetime import datetime

from django.db import Error, connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from ingestion.errors import DatabaseFailure, IngestError, Interrupted
from marketdata.models import IngestRun
from marketdata.runs.locks import close_as_failed, lock_run, unlock_run

logger = logging.getLogger(__name__)


def open_run(run: IngestRun) -> None:
    """Commit the run as `running`, held by this connection before anyone else can see it."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        run.started_at = timezone.now()
        run.save(force_insert=True)
        lock_run(cursor, run.pk)


def read_closing_time(run: IngestRun) -> datetime:
    """When the run is finished, asked shortly before it is.

    What is read as of a moment counts the runs that were finished by then. So it is the database's clock that tells
    the time, one for all machines that write, and it is asked under the series' locks: of two runs that wrote the same
    bar, the later one finished later.
    """
    with connection.cursor() as cursor:
        return max(run.started_at, _database_time(cursor))


def succeed_run(run: IngestRun, finished_at: datetime | None = None) -> None:
    """Close the run as `success`, in the transaction of the bars that it counts; finished now, or when they say so."""
    run.status, run.finished_at = IngestRun.Status.SUCCESS, finished_at or read_closing_time(run)
    names = [field.attname for field in run._meta.concrete_fields if not field.primary_key]
    fields = {name: getattr(run, name) for name in names}
    if not IngestRun.objects.filter(pk=run.pk, status=IngestRun.Status.RUNNING).update(**fields):
        raise DatabaseFailure(
            f"Run {run.pk} was closed by somebody else while it lived, so nothing was stored: run the command again, "
            "and connect to the database directly if a pool hands out its connections."
        )


@contextlib.contextmanager
def close_on_failure(run: IngestRun, *, in_doubt: str) -> Iterator[None]:
    """If what is done inside fails, close the run as failed, after the rollback, with the same words; with `in_doubt`
    where the connection was lost so late that nobody knows."""
    try:
        yield
    except BaseException as error:
        committing = run.status == IngestRun.Status.SUCCESS
        status = fail_run(run, _error_message(error))
        if status == IngestRun.Status.SUCCESS and isinstance(error, IngestError):
            return  # the server's answer to the COMMIT was lost, not the COMMIT
        if status is None and committing:
            raise DatabaseFailure(in_doubt) from error
        raise
    finally:
        release_run_lock(run)


def _error_message(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        error = Interrupted(signal.SIGINT)
    return str(error) if isinstance(error, IngestError) else f"The program failed: {error!r}"


def fail_run(run: IngestRun, error: str) -> str | None:
    """Close the run as `failed`, after its rollback. Returns the status that it has now: `success` if it was committed
    after all; None if the database cannot be reached, and `close_dead_runs` will do it later."""
    try:
        return _closed_status(run, error)
    except Error:
        connection.close()  # this connection may be what broke: once more on a fresh one
    try:
        return _closed_status(run, error)
    except Error as trouble:
        logger.info("Run %s could not be closed as failed, and will be at the next start: %s", run.pk, trouble)
        return None


def release_run_lock(run: IngestRun) -> None:
    """Let go of the run's lock. A connection that is gone has let go of it already."""
    if connection.connection is not None:
        with contextlib.suppress(Error), connection.cursor() as cursor:
            unlock_run(cursor, run.pk)


def _database_time(cursor: CursorWrapper) -> datetime:
    cursor.execute("SELECT clock_timestamp()")
    return cursor.fetchone()[0]


def _closed_status(run: IngestRun, error: str) -> str:
    if not close_as_failed(run, error):
        run.refresh_from_db()
    return run.status
