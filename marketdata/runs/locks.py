"""Detects `running` runs whose process has died, and closes them.

While a run is running, its connection holds a session advisory lock on its number. A `running` row whose lock is free
therefore belongs to a process that died: neither an age limit nor a heartbeat is needed. Code that shows runs calls
`close_orphaned_runs` first.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import Any

from django.contrib.postgres.fields import ArrayField
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from marketdata.advisory_locks import RUN_CLASS
from marketdata.database import to_storable
from marketdata.models import IngestRun
from marketdata.runs.commits import read_database_time

logger = logging.getLogger(__name__)

PROCESS_DIED = "The process died before the run was finished; nothing of the file was stored. Ingest the file again."
UNDO_DIED = "The process died before the undo was finished; nothing was changed. Undo the run again."
SPLIT_DIED = "The process died before the split was finished; nothing was changed. Split the series again."
_DIED: dict[str, str] = {IngestRun.Kind.UNDO: UNDO_DIED, IngestRun.Kind.SPLIT: SPLIT_DIED}

_MAY_WRITE = """
SELECT current_setting('transaction_read_only') = 'off' AND has_table_privilege('data_ingest_runs', 'UPDATE')
"""

# The first half of the lock's key: it separates these locks from all others in the database.

_FIELDS_OF_FAILURE = (
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
    """Hold the run's lock until `unlock_run`, or until the connection ends, also if the process is killed."""
    cursor.execute("SELECT pg_advisory_lock(%s, %s)", [RUN_CLASS, _to_lock_key(run_id)])


def unlock_run(cursor: CursorWrapper, run_id: int) -> None:
    """Release the run's lock. It must be this connection's."""
    cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [RUN_CLASS, _to_lock_key(run_id)])


def try_lock_run(cursor: CursorWrapper, run_id: int) -> bool:
    """Whether the run's lock is free; if so, this transaction holds it until it ends."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s, %s)", [RUN_CLASS, _to_lock_key(run_id)])
    is_free: bool = cursor.fetchone()[0]
    return is_free


def _to_lock_key(run_id: int) -> int:
    return run_id % 2**31  # the second half of the key is an int4


def close_orphaned_runs() -> list[int]:
    """Close every `running` run whose lock is free as failed. Returns their ids, in ascending order.

    Nothing happens on a replica, where locks of the primary are not visible, and for a role that may only read.
    """
    if not may_close_runs():
        return []
    closed = []
    for run in IngestRun.objects.filter(status=IngestRun.Status.RUNNING).order_by("pk"):
        with transaction.atomic(), connection.cursor() as cursor:
            if try_lock_run(cursor, run.pk) and close_as_failed(run, _DIED.get(run.kind, PROCESS_DIED)):
                closed.append(run.pk)
    if closed:
        logger.info("Closed runs of processes that died: %s", closed)
    return closed


def may_close_runs() -> bool:
    """Whether this session may write runs."""
    with connection.cursor() as cursor:
        cursor.execute(_MAY_WRITE)
        may_write: bool = cursor.fetchone()[0]
    return may_write


def close_as_failed(run: IngestRun, error: str) -> bool:
    """Close the run as `failed` with this error, unless it is closed already. Returns whether it was running.

    Saves the file's fields and no counts: nothing was stored.
    """
    run.status, run.finished_at = IngestRun.Status.FAILED, _find_end_time(run.started_at)
    run.error = to_storable(error) or "failed"
    fields = {name: _limit_to_column(name, getattr(run, name)) for name in _FIELDS_OF_FAILURE}
    return bool(IngestRun.objects.filter(pk=run.pk, status=IngestRun.Status.RUNNING).update(**fields))


def _limit_to_column(name: str, value: Any) -> Any:
    """The value as the column can store it: closing a run must not depend on what a damaged file contains."""
    column = IngestRun._meta.get_field(name)
    if isinstance(column, ArrayField):
        length = column.base_field.max_length
        return [to_storable(item)[:length] for item in value]
    return to_storable(value)[: getattr(column, "max_length", None)] if isinstance(value, str) else value


def _find_end_time(started_at: datetime) -> datetime:
    """The time to record as the end of a run that ends now: now, or `started_at` if that is later. UTC."""
    # The start may be from a clock that was ahead: earlier versions read the loader's. A constraint of the table
    # refuses a run that ends before it started.
    return max(started_at, read_database_time())
