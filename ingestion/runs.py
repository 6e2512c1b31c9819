"""Opening and closing a run: its row is committed before the file is read, and closed exactly once."""

from __future__ import annotations

import contextlib
import logging
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import Error, connection, transaction

from ingestion.database import require_own_session
from ingestion.errors import DatabaseFailure, IngestError, Interrupted, RunCancelled
from marketdata.database import to_storable
from marketdata.models import IngestRun
from marketdata.runs.commits import announce_commit, notify_commit, read_database_time
from marketdata.runs.locks import close_as_failed, lock_run, unlock_run


@dataclass(frozen=True)
class RunRequest:
    """What requested a run: the job that starts it and the user of a page, or what brought the file of a load: a
    request to the vendor (kind `history`), or a live session (kind `live`)."""

    job_id: UUID | None = None
    requested_by: str = ""
    kind: str = IngestRun.Kind.FILE
    feed_request_id: int | None = None
    feed_session_id: int | None = None


COMMAND_LINE = RunRequest()

logger = logging.getLogger(__name__)

# What a run is closed with if the database refuses what the file contains.
_NEUTRAL_FIELDS: dict[str, object] = {"vendor_dataset": "", "symbols": []}


def open_run(run: IngestRun, request: RunRequest = COMMAND_LINE) -> None:
    """Commit the run as `running`. This connection holds its lock before another session can see the row.

    Raises `DatabaseUnavailable` where a pool would not keep the lock.
    """
    require_own_session()
    run.job_id, run.requested_by = request.job_id, request.requested_by
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        run.started_at = read_database_time()
        run.file_name, run.file_path = to_storable(run.file_name), to_storable(run.file_path)
        run.save(force_insert=True)
        lock_run(cursor, run.pk)


def read_closing_time(run: IngestRun) -> datetime:
    """The time at which the run is finished, by the database's clock: `started_at` or later."""
    return max(run.started_at, read_database_time())


def succeed_run(run: IngestRun, *, settled: IngestRun | None = None) -> None:
    """Close the run as `success`: the last step of the transaction of the bars that it counts.

    A read as of a time includes the runs finished by then. So the time is read last, by the database's clock, under the
    series' locks: of two runs that wrote one bar, the later finished later. `settled` is a split that this transaction
    has recorded: it finishes with the run, just before it. Streams are notified of both when they are committed.

    Raises `DatabaseFailure` where another process has closed the run meanwhile, and `RunCancelled` if a user has
    requested to cancel it: of a request and a success, the one that is committed first counts.
    """
    with connection.cursor() as cursor:
        announce_commit(cursor, run.pk)
    if settled is not None:
        settled.finished_at = read_closing_time(settled)
        settled.save(update_fields=["finished_at"])
    run.status, run.finished_at = IngestRun.Status.SUCCESS, read_closing_time(run)
    names = {field.attname for field in run._meta.concrete_fields if not field.primary_key} - {"cancel_requested_by"}
    fields = {name: getattr(run, name) for name in names}
    running = IngestRun.objects.filter(pk=run.pk, status=IngestRun.Status.RUNNING)
    if running.filter(cancel_requested_by="").update(**fields):
        _notify(run, settled)
    else:
        if user := running.values_list("cancel_requested_by", flat=True).first():
            raise RunCancelled(user, run.kind)
        raise DatabaseFailure(
            f"Another process closed run {run.pk} while it was running, so nothing was stored: run the command again, "
            "and connect to the database directly if a connection pool is in between."
        )


def _notify(*runs: IngestRun | None) -> None:
    with connection.cursor() as cursor:
        for run in filter(None, runs):
            notify_commit(cursor, run.pk)


@contextlib.contextmanager
def close_on_failure(run: IngestRun, *, in_doubt: str) -> Iterator[None]:
    """If the block fails, close the run as failed with the same message, after the rollback.

    `in_doubt` is the message where the connection was lost during the commit, so that its outcome is not known.
    """
    try:
        yield
    except BaseException as error:
        committing = run.status == IngestRun.Status.SUCCESS
        status = fail_run(run, _error_message(error))
        if status == IngestRun.Status.SUCCESS and isinstance(error, IngestError):
            return  # the server committed; only its answer was lost
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
    """Close the run as `failed`, after its rollback, and return its status: `success` if it was committed after all.

    None if the database cannot be reached: then the next start's `close_orphaned_runs` closes it.
    """
    try:
        return _close_and_read_status(run, error)
    except Exception:
        connection.close()  # this connection may be the broken one: try a new one
    try:
        return _close_and_read_status(run, error)
    except Exception as failure:
        logger.info("Run %s could not be closed with the file's fields: %s", run.pk, failure)
    for name, value in _NEUTRAL_FIELDS.items():
        setattr(run, name, value)
    try:
        return _close_and_read_status(run, error)
    except Error as failure:
        logger.info("Run %s could not be closed as failed; the next start closes it: %s", run.pk, failure)
        return None


def release_run_lock(run: IngestRun) -> None:
    """Release the run's lock. A connection that was lost has released it already."""
    if connection.connection is not None:
        with contextlib.suppress(Error), connection.cursor() as cursor:
            unlock_run(cursor, run.pk)


def _close_and_read_status(run: IngestRun, error: str) -> str:
    if not close_as_failed(run, error):
        run.refresh_from_db()
    return run.status
