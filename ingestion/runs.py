"""The audit trail: a run's row is committed before anything is read, and closed exactly once.

While a run lives, its connection holds a session advisory lock on its number. A `running` row whose lock is free is
therefore a process that died: no age is guessed, no heartbeat is needed.
"""

from __future__ import annotations

import contextlib
import logging
from datetime import datetime

from django.db import Error, connection, transaction
from django.utils import timezone

from ingestion.locks import hold_run, release_run, try_claim_run
from marketdata.models import IngestRun

logger = logging.getLogger(__name__)

PROCESS_DIED = "The process died before the run was finished; nothing of the file was stored. Ingest the file again."


def open_run(run: IngestRun) -> None:
    """Commit the run as `running`, held by this connection before anyone else can see it."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        run.started_at = timezone.now()
        run.save(force_insert=True)
        hold_run(cursor, run.pk)


def succeed_run(run: IngestRun) -> None:
    """Close the run as `success`, in the transaction of the bars that it counts."""
    run.status, run.finished_at = IngestRun.Status.SUCCESS, _now_at_the_earliest(run.started_at)
    run.save(force_update=True)


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


def release(run: IngestRun) -> None:
    """Let go of the run's lock. A connection that is gone has let go of it already."""
    if connection.connection is not None:
        with contextlib.suppress(Error), connection.cursor() as cursor:
            release_run(cursor, run.pk)


def close_dead_runs() -> list[int]:
    """Close every `running` run that no process holds any more; return their ids."""
    closed = []
    for run in IngestRun.objects.filter(status=IngestRun.Status.RUNNING).order_by("pk"):
        with transaction.atomic(), connection.cursor() as cursor:
            if try_claim_run(cursor, run.pk) and _close_as_failed(run, PROCESS_DIED):
                closed.append(run.pk)
    if closed:
        logger.info("Closed runs of processes that died: %s", closed)
    return closed


def _closed_status(run: IngestRun, error: str) -> str:
    if not _close_as_failed(run, error):
        run.refresh_from_db()
    return run.status


def _close_as_failed(run: IngestRun, error: str) -> bool:
    """True if the run was still running. It keeps what is known of the file, and no counts: nothing was stored."""
    run.status, run.error, run.finished_at = IngestRun.Status.FAILED, error, _now_at_the_earliest(run.started_at)
    return bool(
        IngestRun.objects.filter(pk=run.pk, status=IngestRun.Status.RUNNING).update(
            **{name: getattr(run, name) for name in _KNOWN_AT_FAILURE}
        )
    )


def _now_at_the_earliest(started_at: datetime) -> datetime:
    # The run may have started by a clock ahead of this one: another machine's, or this one's before it was set back.
    # The table takes no run that ends before it began.
    return max(started_at, timezone.now())


_KNOWN_AT_FAILURE = (
    "dataset",
    "vendor_dataset",
    "file_size",
    "file_sha256",
    "status",
    "error",
    "finished_at",
)
