"""One file of a batch: ingested in its own run and transaction, or skipped because it is already loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ingestion.batch.already_loaded import find_run_with_same_content
from ingestion.batch.outcomes import Failed, FileOutcome, Loaded, Previewed, Skipped
from ingestion.database import require_database, translate_database_errors
from ingestion.dbn.records import has_definitions
from ingestion.errors import IngestError
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from ingestion.progress import Progress
from marketdata.models import IngestRun
from marketdata.runs.locks import close_orphaned_runs


@dataclass(frozen=True)
class BatchOptions:
    """How each file of a batch is loaded. `skip_ingested` skips files already loaded (same SHA-256). `named` are the
    files that the command names itself; others were found in a folder."""

    ingest_options: IngestOptions
    dry_run: bool = False
    skip_ingested: bool = False
    named: frozenset[Path] = frozenset()


def ingest_one(path: Path, options: BatchOptions, progress: Progress) -> FileOutcome:
    """Ingest, preview or skip one file. An `IngestError` is returned in the outcome, not raised."""
    try:
        if path not in options.named and has_definitions(path):
            return Skipped(path, None, "has definitions, not bars")
        earlier = find_earlier_run(path, options, progress) if options.skip_ingested else None
        if earlier is not None:
            return Skipped(path, earlier.pk, f"is already loaded (run {earlier.pk})")
        if options.dry_run:
            return Previewed(path, preview_file(path=path, options=options.ingest_options, progress=progress))
        loaded = ingest_file(path=path, options=options.ingest_options, progress=progress)
        return Loaded(path, loaded.run.pk, loaded.run.seconds, loaded.result)
    except IngestError as error:
        return Failed(path, error)
    finally:
        progress.end_file()


def find_earlier_run(path: Path, options: BatchOptions, progress: Progress) -> IngestRun | None:
    """Return the last successful run that loaded all rows of this content into the same series and whose bars are all
    stored, or None.

    Always None with `replace_instrument` and `remove_withdrawn`: the run may not have removed what they remove. Raises
    the `IngestError` of a database that cannot be used.
    """
    if options.ingest_options.replace_instrument or options.ingest_options.remove_withdrawn:
        return None
    with translate_database_errors(progress):
        progress.raise_if_cancelled()
        require_database()
        if not options.dry_run:  # a dry run writes nothing
            close_orphaned_runs()
        return find_run_with_same_content(path, options.ingest_options)
