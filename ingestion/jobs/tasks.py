"""What a worker does for the pages: each job is one call of the pipeline or of the undo, in the worker's main thread.

The arguments are in the job's row, as JSON. The pages find these functions by their names.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, TypeVar
from uuid import UUID

from django.utils import timezone
from django_tasks import task
from django_tasks.base import TaskContext

from ingestion import retry
from ingestion.cancellation import CancellationToken, cancel_on_signals
from ingestion.errors import InputError
from ingestion.feeds.history import backfill
from ingestion.feeds.history.progress import BackfillProgress
from ingestion.feeds.history.report import BackfillOptions, serialize_result
from ingestion.progress import Progress
from ingestion.runs import RunRequest
from ingestion.undo import pipeline as undo
from marketdata.models import IngestRun
from marketdata.quality.pending import NOT_JUDGED, check_pending


@task(takes_context=True)
def retry_run(context: TaskContext, run_id: int, requested_by: str) -> dict[str, int]:
    """Load the file of a failed run again. Returns the number of the new run; raises an `IngestError`."""
    run = IngestRun.objects.filter(pk=run_id).first()
    if run is None:
        raise InputError(f"There is no ingest run {run_id}.")
    with _stop_on_signals(JobProgress) as progress:
        return {"run": retry.retry_run(run, progress=progress, request=_describe(context, requested_by)).run.pk}


@task(takes_context=True)
def undo_run(context: TaskContext, run_id: int, requested_by: str) -> dict[str, int]:
    """Undo a run. Returns the number of the undo's run; raises an `IngestError`."""
    with _stop_on_signals(JobProgress) as progress:
        result = undo.undo_run(run_id=run_id, progress=progress, request=_describe(context, requested_by))
    return {"run": result.run.pk}


@task(takes_context=True)
def price_backfill(
    context: TaskContext, series: list[str], start: str | None, end: str | None, requested_by: str
) -> dict[str, Any]:
    """Plan and price what is missing, and buy nothing. Returns the plan as `backfill --dry-run --json` prints it."""
    options = BackfillOptions(
        slugs=tuple(series),
        start=_parse_time(start),
        end=_parse_time(end),
        is_dry_run=True,
        requested_by=requested_by,
        job_id=UUID(context.task_result.id),
    )
    return _run_backfill(options)


@task(takes_context=True)
def run_backfill(
    context: TaskContext,
    series: list[str],
    start: str | None,
    end: str | None,
    max_usd: str | None,
    daily: bool,
    requested_by: str,
) -> dict[str, Any]:
    """Buy and load what is missing, for `max_usd` at most. Returns what `backfill --json` prints."""
    options = BackfillOptions(
        slugs=tuple(series),
        start=_parse_time(start),
        end=_parse_time(end),
        max_usd=None if max_usd is None else Decimal(max_usd),
        is_daily=daily,
        requested_by=requested_by,
        job_id=UUID(context.task_result.id),
    )
    return _run_backfill(options)


@task()
def check_quality(requested_by: str) -> dict[str, int]:
    """Check the bars that runs touched since they were checked. Returns how many runs these were."""
    try:
        return {"runs": check_pending(timezone.now())}
    except NOT_JUDGED as error:
        raise InputError(f"Bars of a series could not be checked: {error}") from error


def _run_backfill(options: BackfillOptions) -> dict[str, Any]:
    with _stop_on_signals(BackfillJobProgress) as progress:
        result = backfill.run_backfill(options=options, progress=progress)
    if result.error:
        raise result.error
    if result.exit_code and not options.is_dry_run:
        raise InputError(result.error_text)
    return serialize_result(result)


def _parse_time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _describe(context: TaskContext, requested_by: str) -> RunRequest:
    return RunRequest(UUID(context.task_result.id), requested_by)


P = TypeVar("P", bound=Progress)


@contextlib.contextmanager
def _stop_on_signals(create: Callable[[CancellationToken], P]) -> Iterator[P]:
    """SIGINT and SIGTERM interrupt the run at once, since a host kills a worker some seconds later. The worker receives
    the signal after that, and ends."""
    if threading.current_thread() is not threading.main_thread():  # with --reload the worker is in another thread
        yield create(CancellationToken())
        return
    received: int | None = None
    try:
        with cancel_on_signals() as token:
            try:
                yield create(token)
            finally:
                received = token.signal_number
    finally:
        if received is not None:
            signal.raise_signal(received)


class JobProgress(Progress):
    """Interrupts the run once the worker is to end."""

    def __init__(self, token: CancellationToken) -> None:
        self._token = token

    def raise_if_cancelled(self) -> None:
        self._token.raise_if_cancelled()


class BackfillJobProgress(JobProgress, BackfillProgress):
    """The same for a backfill."""
