"""Which runs live, and the closing of those whose process died.

While a run lives, its connection holds a session advisory lock on its number. A `running` row whose lock is free is
therefore a process that died: no age is guessed, no heartbeat is needed. Whoever shows runs closes the dead first.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils import timezone

from marketdata.models import IngestRun

logger = logging.getLogger(__name__)

PROCESS_DIED = "The process died before the run was finished; nothing of the file was stored. Ingest the file again."
UNDO_DIED = "The process died before the undo was finished; nothing was changed. Undo the run again."

# The first half of the lock's key, so that nothing else in the database can meet it by chance.
_RUNS = 0x4241_5202

_KNOWN_AT_FAILURE = (
    "dataset",
    "vendor_dataset",
    "symbols",
    "file_size",
    "file_sha256",
    "status",
    "error",
    "finished_at",
)


def lock_run(cursor: CursorWrapper, run_id: int) -> None:
    """Say that the run lives, for as long as this connection does, whatever becomes of the process."""
    cursor.execute("SELECT pg_advisory_lock(%s, %s)", [_RUNS, _run_number(run_id)])


def unlock_run(cursor: CursorWrapper, run_id: int) -> None:
    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_RUNS, _run_number(run_id)])


def try_lock_run(cursor: CursorWrapper, run_id: int) -> bool:
    """Whether nobody holds the run; if so, it is this transaction's until it ends."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [_RUNS, _run_number(run_id)])
    return cursor.fetchone()[0]


def _run_number(run_id: int) -> int:
    return run_id % 2**31  # the second half of the key is an int4


def close_orphaned_runs() -> list[int]:
    """Close every `running` run that no process holds any more; return their ids."""
    closed = []
    for run in IngestRun.objects.filter(status=IngestRun.Status.RUNNING).order_by("pk"):
        with transaction.atomic(), connection.cursor() as cursor:
            if try_lock_run(cursor, run.pk) and close_as_failed(run, UNDO_DIED if run.undoes_id else PROCESS_DIED):
                closed.append(run.pk)
    if closed:
        logger.info("Closed runs of processes that died: %s", closed)
    return closed


def close_as_failed(run: IngestRun, error: str) -> bool:
    """True if the run was still running. It keeps what is known of the file, and no counts: nothing was stored."""
    run.status, run.error, run.finished_at = IngestRun.Status.FAILED, error, end_time_after(run.started_at)
    return bool(
        IngestRun.objects.filter(pk=run.pk, status=IngestRun.Status.RUNNING).update(
            **{name: getattr(run, name) for name in _KNOWN_AT_FAILURE}
        )
    )


def end_time_after(started_at: datetime) -> datetime:
    """When a run that started then ends now."""
    # The run may have started by a clock ahead of this one: another machine's, or this one's before it was set back.
    # The table takes no run that ends before it began.
    return max(started_at, timezone.now())
