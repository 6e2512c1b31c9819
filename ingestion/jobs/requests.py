"""Requests of users: jobs that a worker will do, and the end of those that wait or run. Pages and the admin call these.

Every function checks what can be checked at once, and raises an `IngestError` whose message is for the user.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.contrib.auth.models import AnonymousUser, User
from django.db import connection, transaction
from django.utils import timezone
from django_tasks.base import Task

from ingestion.errors import InputError
from ingestion.feeds.history.daily import find_subscribed
from ingestion.jobs.tasks import check_quality, price_backfill, retry_run, run_backfill, undo_run
from ingestion.retry import check_retryable
from ingestion.undo.eligibility import find_undoable_run
from marketdata.advisory_locks import REQUEST_CLASS
from marketdata.database import to_storable
from marketdata.models import IngestRun
from marketdata.models.ingest_run import MAX_REASON
from marketdata.runs.jobs import Job, close_waiting_job, find_job, find_open_job
from marketdata.timestamps import to_iso

PERMISSIONS = ("marketdata.change_ingestrun", "marketdata.add_ingestrun")


def may_act(user: User | AnonymousUser) -> bool:
    """Whether the user may start, cancel and dismiss: staff who may change or add runs."""
    return bool(user.is_active and user.is_staff and any(map(user.has_perm, PERMISSIONS)))


def request_retry(run: IngestRun, user: str) -> Job:
    """A job that loads the file of the failed run again. If one waits or runs already, that one."""
    check_retryable(run)
    return _request(retry_run, run.pk, user)


def request_undo(run_id: int, user: str) -> Job:
    """A job that undoes the run. If one waits or runs already, that one."""
    find_undoable_run(run_id)
    return _request(undo_run, run_id, user)


def cancel_run(run: IngestRun, user: str) -> None:
    """Request that the process of a running run ends it, and stores nothing. It does so within a second."""
    running = IngestRun.objects.filter(pk=run.pk, status=IngestRun.Status.RUNNING)
    if not running.filter(cancel_requested_by="").update(cancel_requested_by=to_storable(user)):
        run.refresh_from_db()
        if run.status != IngestRun.Status.RUNNING:
            raise InputError(f"Run {run.pk} is {run.status}: only running runs can be cancelled.")


def cancel_job(job: Job, user: str) -> None:
    """End a job: one that waits at once, one that runs by its run."""
    if close_waiting_job(job.pk, to_storable(f"Cancelled by {user} before a worker started it.")):
        return
    current = find_job(job.pk)
    if current is None or not current.is_open:
        raise InputError(f"The job “{job.name}” has ended already.")
    if current.started_run is None:
        raise InputError(f"The job “{job.name}” has no run yet: cancel it again in a second.")
    cancel_run(current.started_run, user)


def dismiss_failure(run: IngestRun, user: str, reason: str) -> None:
    """Record that the failure needs no attention, and why. The run stays failed."""
    reason = " ".join(reason.replace("\0", " ").split())
    if not reason:
        raise InputError(f"Run {run.pk} is not dismissed: give a reason.")
    if len(reason) > MAX_REASON:
        raise InputError(f"Run {run.pk} is not dismissed: the reason has more than {MAX_REASON} characters.")
    failed = IngestRun.objects.filter(pk=run.pk, status=IngestRun.Status.FAILED, dismissed_at=None)
    if not failed.update(
        dismissed_at=timezone.now(), dismissed_by=to_storable(user), dismissed_reason=to_storable(reason)[:MAX_REASON]
    ):
        run.refresh_from_db()
        if run.dismissed_at is None:
            raise InputError(f"Run {run.pk} is {run.status}: only failed runs can be dismissed.")
        raise InputError(f"Run {run.pk} was dismissed by {run.dismissed_by} before.")


def request_price(slugs: Sequence[str], *, start: datetime | None, end: datetime | None, user: str) -> Job:
    """A job that plans and prices what is missing of these series, and buys nothing."""
    find_subscribed(slugs)
    return _enqueue(price_backfill, user, series=list(slugs), start=to_iso(start), end=to_iso(end))


def request_backfill(
    slugs: Sequence[str], *, start: datetime | None, end: datetime | None, max_usd: Decimal, user: str
) -> Job:
    """A job that buys what is missing of these series, for `max_usd` at most, and loads it."""
    find_subscribed(slugs)
    return _enqueue(
        run_backfill, user, series=list(slugs), start=to_iso(start), end=to_iso(end), max_usd=str(max_usd), daily=False
    )


def request_daily(user: str) -> Job:
    """A job that does what `backfill --daily` does, within the caps."""
    return _enqueue(run_backfill, user, series=[], start=None, end=None, max_usd=None, daily=True)


def request_check(user: str) -> Job:
    """A job that checks the bars that runs touched. If one waits or runs already, that one."""
    return _enqueue(check_quality, user)


def _request(task: Task, run_id: int, user: str) -> Job:
    return _enqueue(task, user, lock_key=run_id, run_id=run_id)


def _enqueue(task: Task, user: str, *, lock_key: int = 0, **arguments: Any) -> Job:
    """The job of the task with these arguments; if one waits or runs already, that one."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [REQUEST_CLASS, lock_key % 2**31])
        if found := find_open_job(task.name, arguments):
            return found
        result = task.enqueue(**arguments, requested_by=to_storable(user))
    job = find_job(UUID(result.id))
    if job is None:
        raise InputError("The job was deleted at once: request it again.")
    return job
