"""What a worker does for the pages: each job is one call of the pipeline or of the undo, in the worker's main thread.

The arguments are in the job's row, as JSON. The pages find these functions by their names.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from uuid import UUID

from django_tasks import task
from django_tasks.base import TaskContext

from ingestion import retry
from ingestion.cancellation import CancellationToken, cancel_on_signals
from ingestion.errors import InputError
from ingestion.progress import Progress
from ingestion.runs import RunRequest
from ingestion.undo import pipeline as undo
from marketdata.models import IngestRun


@task(takes_context=True)
def retry_run(context: TaskContext, run_id: int, requested_by: str) -> dict[str, int]:
    """Load the file of a failed run again. Returns the number of the new run; raises an `IngestError`."""
    run = IngestRun.objects.filter(pk=run_id).first()
    if run is None:
        raise InputError(f"There is no ingest run {run_id}.")
    with _stop_on_signals() as progress:
        return {"run": retry.retry_run(run, progress=progress, request=_describe(context, requested_by)).run.pk}


@task(takes_context=True)
def undo_run(context: TaskContext, run_id: int, requested_by: str) -> dict[str, int]:
    """Undo a run. Returns the number of the undo's run; raises an `IngestError`."""
    with _stop_on_signals() as progress:
        result = undo.undo_run(run_id=run_id, progress=progress, request=_describe(context, requested_by))
    return {"run": result.run.pk}


def _describe(context: TaskContext, requested_by: str) -> RunRequest:
    return RunRequest(UUID(context.task_result.id), requested_by)


@contextlib.contextmanager
def _stop_on_signals() -> Iterator[Progress]:
    """SIGINT and SIGTERM interrupt the run at once, since a host kills a worker some seconds later. The worker receives
    the signal after that, and ends."""
    if threading.current_thread() is not threading.main_thread():  # with --reload the worker is in another thread
        yield Progress()
        return
    received: int | None = None
    try:
        with cancel_on_signals() as token:
            try:
                yield _JobProgress(token)
            finally:
                received = token.signal_number
    finally:
        if received is not None:
            signal.raise_signal(received)


class _JobProgress(Progress):
    def __init__(self, token: CancellationToken) -> None:
        self._token = token

    def raise_if_cancelled(self) -> None:
        self._token.raise_if_cancelled()
