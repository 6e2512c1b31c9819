"""Loads the file of a failed run again, with the run's options."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from ingestion.errors import InputError
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.progress import Progress
from ingestion.results import LoadedFile
from ingestion.runs import COMMAND_LINE, RunRequest
from marketdata.command_line import manage
from marketdata.models import IngestRun


def retry_run(run: IngestRun, *, progress: Progress | None = None, request: RunRequest = COMMAND_LINE) -> LoadedFile:
    """Ingest the run's file with the run's options, as a new run; the failed run stays unchanged.

    Raises an `IngestError`: `InputError` if the run did not fail, or its file no longer exists.
    """
    check_retryable(run)
    if not os.path.exists(run.file_path):  # noqa: PTH110 - returns False where Path.exists() raises
        raise InputError(f"Run {run.pk} cannot be retried: {run.file_path} no longer exists.", path=Path(run.file_path))
    request = replace(request, kind=run.kind, feed_request_id=run.feed_request_id)
    return ingest_file(
        path=Path(run.file_path), options=IngestOptions.from_run(run), progress=progress, request=request
    )


def check_retryable(run: IngestRun) -> None:
    """Raise `InputError` unless the run failed to load a file. Whether the file exists is not checked: a page may be
    on another machine."""
    if run.status != IngestRun.Status.FAILED:
        raise InputError(f"Run {run.pk} is {run.status}: only failed runs can be retried.")
    if run.undoes_id:
        raise InputError(f"Run {run.pk} is an undo: retry it with {manage()} undo_run {run.undoes_id}.")
    if run.kind == IngestRun.Kind.SPLIT:
        raise InputError(f"Run {run.pk} is a split, without a file: retry it with {manage()} split_contracts.")
