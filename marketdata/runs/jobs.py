"""Jobs: what users requested on pages, and a worker does. Read here, with the locks of the workers.

A job is a row of django-tasks-db. A worker that runs holds a session advisory lock on its name, as a run does on its
number: a running job whose worker holds no lock is orphaned, and no heartbeat is needed.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Q, QuerySet
from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from marketdata.advisory_locks import WORKER_CLASS
from marketdata.formatting import format_list
from marketdata.models import IngestRun
from marketdata.runs.locks import may_close_runs

WORKER_COMMAND = "db_worker"
RECENT = timedelta(days=1)
MAX_SHOWN = 20

# Where a job that a worker did has the class of its error.
WORKER_DIED = "WorkerDied"
JOB_CANCELLED = "JobCancelled"
_NAMES = {
    "retry_run": "Try run {run_id} again",
    "undo_run": "Undo run {run_id}",
    "price_backfill": "Price what is missing in {series}",
    "run_backfill": "Backfill {series}",
    "check_quality": "Check new bars",
}
_STATES: dict[str, str] = {
    TaskResultStatus.READY: "waiting",
    TaskResultStatus.RUNNING: "running",
    TaskResultStatus.SUCCESSFUL: "done",
    TaskResultStatus.FAILED: "failed",
}
_MAY_READ = "SELECT coalesce(has_table_privilege(to_regclass(%s), 'SELECT'), false)"
_MAY_UPDATE = "SELECT coalesce(has_table_privilege(to_regclass(%s), 'UPDATE'), false)"
_HELD = """
SELECT objid::bigint FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
WHERE datname = current_database() AND locktype = 'advisory' AND granted AND classid::bigint = %s AND objsubid = 2
"""


@dataclass(frozen=True)
class Job:
    """One job. `arguments` are those of its task, `started_run` the first run that it started, if any.

    `state` is waiting, running, done or failed; `error` the sentence of a failed one; `result` what a job that is done
    returned. Times are UTC.
    """

    pk: UUID
    action: str
    arguments: Mapping[str, Any]
    requested_by: str
    state: str
    error: str
    enqueued_at: datetime
    finished_at: datetime | None
    started_run: IngestRun | None = None
    result: Any = None

    @property
    def run_id(self) -> int:
        """The run that the job tries again or undoes; 0 for other jobs."""
        run_id: int = self.arguments.get("run_id", 0)
        return run_id

    @property
    def name(self) -> str:
        """Try run 7 again; Backfill mnq and es"""
        series = format_list(self.arguments.get("series") or ["all series"], limit=3)
        return _NAMES.get(self.action, self.action).format(run_id=self.run_id, series=series)

    @property
    def key(self) -> str:
        """What the job does: that of two requests of the same is equal."""
        return _build_key(self.action, self.arguments)

    @property
    def is_open(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ("waiting", "running")


def lock_worker(cursor: CursorWrapper, worker_id: str) -> bool:
    """Hold the worker's lock until the connection ends. Returns False if another worker of this name holds it."""
    cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [WORKER_CLASS, _to_lock_key(worker_id)])
    locked: bool = cursor.fetchone()[0]
    return locked


def is_worker_running() -> bool:
    """Whether a worker runs. Never on a replica, where the locks of the primary are not visible."""
    return bool(_read_held_keys())


def find_job(pk: UUID) -> Job | None:
    """The job, or None."""
    return next(iter(_to_jobs(_stored().filter(pk=pk))), None) if may_read_jobs() else None


def find_shown_jobs() -> list[Job]:
    """The jobs for the overview, newest first: those that wait or run, and those that failed during the last day
    without starting a run, unless the same was requested again."""
    if not may_read_jobs():
        return []
    failed = Q(status=TaskResultStatus.FAILED, enqueued_at__gte=timezone.now() - RECENT)
    failed &= ~Q(exception_class_path=JOB_CANCELLED)
    # Checks of bars come and go, and change no bar.
    shown = _stored().exclude(_OPEN, task_path__endswith=".check_quality").filter(_OPEN | failed)
    jobs = _to_jobs(shown[:MAX_SHOWN])
    again = {} if all(job.is_open for job in jobs) else _find_last_requests()
    return [job for job in jobs if job.is_open or (job.started_run is None and again.get(job.key) == job.pk)]


def find_jobs_of_run(run_id: int) -> list[Job]:
    """The newest jobs that were requested for the run."""
    return _to_jobs(_stored().filter(args_kwargs__kwargs__run_id=run_id)[:5]) if may_read_jobs() else []


def find_open_job(action: str, arguments: Mapping[str, Any]) -> Job | None:
    """The job for this action that waits or runs and has these arguments, if any."""
    wanted = {f"args_kwargs__kwargs__{name}": value for name, value in arguments.items()}
    found = _stored().filter(_OPEN, task_path__endswith=f".{action}", **wanted)
    return next(iter(_to_jobs(found[:1])), None)


def has_job(action: str, arguments: Mapping[str, Any]) -> bool:
    """Whether a job for this action with these arguments, in whatever state, is stored."""
    wanted = {f"args_kwargs__kwargs__{name}": value for name, value in arguments.items()}
    return may_read_jobs() and _stored().filter(task_path__endswith=f".{action}", **wanted).exists()


def close_orphaned_jobs(idle_worker_id: str = "") -> list[UUID]:
    """Close every running job whose worker has died as failed, unless its run is running. Returns their ids.

    Call it after `close_orphaned_runs`. Nothing happens for a session that may only read. A worker gives its own name
    while it does no job: jobs of that name are of a process that had the name before, or were lost with the database.
    """
    running = list(DBTaskResult.objects.running()) if may_read_jobs() else []
    if not running or not _may_close_jobs():
        return []
    held = _read_held_keys()
    closed = []
    for job in running:
        worker_id = (job.worker_ids or [""])[-1]
        is_alive = worker_id != idle_worker_id and _to_lock_key(worker_id) in held
        if is_alive or IngestRun.objects.filter(job_id=job.pk, status="running").exists():
            continue
        if _close(job, WORKER_DIED, f"The worker {worker_id} died before the job was finished: request it again."):
            closed.append(job.pk)
    return closed


def close_waiting_job(pk: UUID, error: str) -> bool:
    """Close a job that no worker has started as failed. Returns whether it was waiting."""
    job = DBTaskResult.objects.filter(pk=pk).first()
    return job is not None and _close(job, JOB_CANCELLED, error, status=TaskResultStatus.READY)


def may_read_jobs() -> bool:
    """Whether this session may read jobs: a role of its own may lack the right, an old database the table.

    Checked until it may, then no more by this process.
    """
    global _may_read
    _may_read = _may_read or _check_may_read()
    return _may_read


_may_read = False


def _check_may_read() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_MAY_READ, [DBTaskResult._meta.db_table])
        may_read: bool = cursor.fetchone()[0]
    return may_read


_OPEN = Q(status__in=[TaskResultStatus.READY, TaskResultStatus.RUNNING])


def _stored() -> QuerySet[DBTaskResult]:
    return DBTaskResult.objects.filter(task_path__startswith="ingestion.jobs.").order_by("-enqueued_at")


def _may_close_jobs() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_MAY_UPDATE, [DBTaskResult._meta.db_table])
        return bool(cursor.fetchone()[0]) and may_close_runs()


def _close(job: DBTaskResult, reason: str, error: str, status: str = TaskResultStatus.RUNNING) -> bool:
    return bool(
        DBTaskResult.objects.filter(pk=job.pk, status=status).update(
            status=TaskResultStatus.FAILED,
            finished_at=timezone.now(),
            exception_class_path=reason,
            traceback=f"{reason}: {error}",
        )
    )


def _read_held_keys() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute(_HELD, [WORKER_CLASS])
        return {key for (key,) in cursor.fetchall()}


def _to_lock_key(worker_id: str) -> int:
    return zlib.crc32(worker_id.encode()) % 2**31  # the second half of the key is an int4


def _build_key(action: str, arguments: Mapping[str, Any]) -> str:
    return json.dumps([action, {name: arguments[name] for name in sorted(arguments) if name != "requested_by"}])


def _find_last_requests() -> dict[str, UUID]:
    """The newest recent job of each key."""
    recent = _stored().filter(enqueued_at__gte=timezone.now() - RECENT)
    return {
        _build_key(path.rpartition(".")[2], content["kwargs"]): pk
        for pk, path, content in recent.reverse().values_list("pk", "task_path", "args_kwargs")
    }


def _to_jobs(stored: Iterable[DBTaskResult]) -> list[Job]:
    rows = list(stored)
    runs = {run.job_id: run for run in IngestRun.objects.filter(job_id__in=[row.pk for row in rows]).order_by("pk")}
    return [_to_job(row, runs.get(row.pk)) for row in rows]


def _to_job(row: DBTaskResult, run: IngestRun | None) -> Job:
    arguments = row.args_kwargs["kwargs"]
    return Job(
        pk=row.pk,
        action=row.task_path.rpartition(".")[2],
        arguments=arguments,
        requested_by=arguments.get("requested_by", ""),
        state=_STATES[row.status],
        error=_find_error(row),
        enqueued_at=row.enqueued_at,
        finished_at=row.finished_at,
        started_run=run,
        result=row.return_value,
    )


def _find_error(row: DBTaskResult) -> str:
    """The message of the error, which ends the stored traceback."""
    return row.traceback.rpartition(f"{row.exception_class_path}: ")[2].strip() if row.traceback else ""
