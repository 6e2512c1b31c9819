"""Opening and closing a run: its row is committed before anything is read, and closed exactly once."""

from __future__ import annotations

import contextlib
import logging

from django.db import Error, connection, transaction
from django.utils import timezone

from ingestion.errors import DatabaseTrouble
from marketdata.live_runs import close_as_failed, hold_run, now_at_the_earliest, release_run
from marketdata.models import IngestRun

logger = logging.getLogger(__name__)


def open_run(run: IngestRun) -> None:
    """Commit the run as `running`, held by this connection before anyone else can see it."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        run.started_at = timezone.now()
        run.save(force_insert=True)
        hold_run(cursor, run.pk)


def succeed_run(run: IngestRun) -> None:
    """Close the run as `success`, in the transaction of the bars that it counts."""
    run.status, run.finished_at = IngestRun.Status.SUCCESS, now_at_the_earliest(run.started_at)
    names = [field.attname for field in run._meta.concrete_fields if not field.primary_key]
    fields = {name: getattr(run, name) for name in names}
    if not IngestRun.objects.filter(pk=run.pk, status=IngestRun.Status.RUNNING).update(**fields):
        raise DatabaseTrouble(
            f"Run {run.pk} was closed by somebody else while it lived, so nothing was stored: run the command again, "
            "and connect to the database directly if a pool hands out its connections."
        )


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


def _closed_status(run: IngestRun, error: str) -> str:
    if not close_as_failed(run, error):
        run.refresh_from_db()
    return run.status
