"""One file of a batch: ingested in its own run and transaction, or skipped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ingestion.batch.files import InputFiles
from ingestion.batch.loaded_before import find_reason_to_skip
from ingestion.batch.outcomes import Failed, FileOutcome, Loaded, Previewed, Skipped
from ingestion.database import require_database, translate_database_errors
from ingestion.dbn.schema import DEFINITION, read_schema
from ingestion.errors import IngestError, refuse_failures
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from ingestion.progress import Progress
from marketdata.runs.locks import close_orphaned_runs


@dataclass(frozen=True)
class BatchOptions:
    """How each file of a batch is loaded. `skip_ingested` skips files whose bars the table has. `files`: the batch."""

    ingest_options: IngestOptions
    dry_run: bool = False
    skip_ingested: bool = False
    files: InputFiles = field(default_factory=InputFiles)


def ingest_one(path: Path, options: BatchOptions, progress: Progress) -> FileOutcome:
    """Ingest, preview or skip one file. What the file raises is returned in the outcome, not raised."""
    try:
        with refuse_failures(path):
            return _ingest(path, options, progress)
    except IngestError as error:
        return Failed(path, error)
    finally:
        progress.end_file()


def _ingest(path: Path, options: BatchOptions, progress: Progress) -> FileOutcome:
    if path in options.files.listed and read_schema(path) == DEFINITION:
        return Skipped(path, None, "contains definitions, not bars")
    if skipped := _find_reason_to_skip(path, options, progress):
        return skipped
    if options.dry_run:
        return Previewed(path, preview_file(path=path, options=options.ingest_options, progress=progress))
    loaded = ingest_file(path=path, options=options.ingest_options, progress=progress)
    return Loaded(path, loaded.run.pk, loaded.run.seconds, loaded.result)


def _find_reason_to_skip(path: Path, options: BatchOptions, progress: Progress) -> Skipped | None:
    """None without `skip_ingested`, and with options that are given to change what the table has.

    Raises the `IngestError` of a database that cannot be used.
    """
    wanted = options.ingest_options
    if not options.skip_ingested or wanted.replace_instrument or wanted.remove_withdrawn:
        return None
    with translate_database_errors(progress):
        progress.raise_if_cancelled()
        require_database()
        if not options.dry_run:  # a dry run writes nothing
            close_orphaned_runs()
        return find_reason_to_skip(path, options.ingest_options, options.files, progress.raise_if_cancelled)
