"""A failed run, tried again exactly as it was asked for."""

from __future__ import annotations

import os
from pathlib import Path

from ingestion.errors import InputError
from ingestion.pipeline import IngestOptions, ingest_file
from marketdata.command_line import manage
from marketdata.models import IngestRun


def retry_run(run: IngestRun) -> IngestRun:
    """Ingest the run's file with the run's options, as a new run; the failed one stays as it is.

    Raises an `IngestError`: `InputError` if the run did not fail, or its file is not where it was.
    """
    if run.status != IngestRun.Status.FAILED:
        raise InputError(f"Run {run.pk} is {run.status}: only failed runs can be tried again.")
    if run.undoes_id:
        raise InputError(f"Run {run.pk} is an undo: {manage()} undo_run {run.undoes_id} tries it again.")
    if not os.path.isfile(run.file_path):  # noqa: PTH113 - says no where Path.is_file() raises
        raise InputError(f"Run {run.pk} cannot be tried again: {run.file_path} is not there any more.")
    return ingest_file(path=Path(run.file_path), options=options_from_run(run))


def options_from_run(run: IngestRun) -> IngestOptions:
    """What the run was asked to do."""
    return IngestOptions(
        symbol=run.requested_symbol,
        dataset=run.dataset,
        limit=run.row_limit,
        publisher_id=run.publisher_id,
        replace_instrument=run.replace_instrument,
    )
