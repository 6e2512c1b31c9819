"""One of several files: its own run and transaction, whatever becomes of it; or passed over, since it is in already."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from ingestion.database import require_database, translate_database_errors
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import DatabaseUnavailable, IngestError, Interrupted
from ingestion.options import IngestOptions
from ingestion.pipeline import FilePreview, ingest_file, preview_file
from ingestion.progress import Progress
from ingestion.symbology.assign import assign_series
from marketdata.models import Bar, IngestRun
from marketdata.runs.locks import close_orphaned_runs


@dataclass(frozen=True)
class BatchOptions:
    """What is to be done with each file."""

    options: IngestOptions
    dry_run: bool = False
    skip_ingested: bool = False


@dataclass(frozen=True)
class FileOutcome:
    """What became of one file: exactly one of `run`, `error` and `skipped_for` (the earlier run that has it) is set."""

    path: Path
    run: IngestRun | None = None
    preview: FilePreview | None = None
    error: IngestError | None = None
    skipped_for: IngestRun | None = None
    notes: tuple[str, ...] = ()

    @property
    def ends_batch(self) -> bool:
        """Whether the files behind it are not even tried."""
        return isinstance(self.error, (Interrupted, DatabaseUnavailable))


def ingest_one(path: Path, options: BatchOptions, progress: Progress) -> FileOutcome:
    """One file, whatever becomes of it."""
    progress.notes = []
    try:
        earlier = ingested_before(path, options, progress) if options.skip_ingested else None
        if earlier is not None:
            return FileOutcome(path, skipped_for=earlier)
        if options.dry_run:
            preview = preview_file(path=path, options=options.options, progress=progress)
            return FileOutcome(path, preview=preview, notes=tuple(progress.notes))
        run = ingest_file(path=path, options=options.options, progress=progress)
        return FileOutcome(path, run=run, notes=tuple(progress.notes))
    except IngestError as error:
        return FileOutcome(path, error=error)
    finally:
        progress.end_file()


def ingested_before(path: Path, options: BatchOptions, progress: Progress) -> IngestRun | None:
    """The last successful run of this very file, as a whole, into the same series. None where the instrument is to be
    replaced: a run since then may have replaced what this file brought."""
    if options.options.replace_instrument:
        return None
    with translate_database_errors(progress):
        progress.check()
        require_database()
        if not options.dry_run:
            close_orphaned_runs()  # as whoever looks at runs does; a dry run writes nothing at all
        return _whole_run_of_same_content(path, options.options)


def _whole_run_of_same_content(path: Path, options: IngestOptions) -> IngestRun | None:
    with contextlib.suppress(IngestError), SourceFile(path) as source:  # what is wrong with it, ingesting it will tell
        assignment = assign_series(
            metadata=RecordReader(source).metadata,
            requested_symbol=options.symbol,
            default_slug=settings.DEFAULT_SERIES,
        )
        source.finish()
        same_series = {"symbols": [assignment.symbol]} if assignment.symbol else {"requested_symbol": ""}
        run = IngestRun.objects.filter(
            file_sha256=source.sha256,
            status=IngestRun.Status.SUCCESS,
            row_limit=None,
            publisher_id=options.publisher_id,
            **same_series,
        ).first()
        return run if run and _is_still_there(run) and not _was_undone_since(run) else None
    return None


def _was_undone_since(run: IngestRun) -> bool:
    """Whether an undo has taken bars from the run's stretch since: of this run, or of another that had brought bars
    which this one found there already."""
    undos = IngestRun.objects.filter(undoes__isnull=False, status=IngestRun.Status.SUCCESS)
    return undos.filter(
        finished_at__gt=run.started_at,
        symbols__overlap=run.symbols,
        min_ts__lte=run.max_ts,
        max_ts__gte=run.min_ts,
    ).exists()


def _is_still_there(run: IngestRun) -> bool:
    """Whether the table holds as many bars in the run's range as it left there: somebody may have deleted some."""
    bars = Bar.objects.filter(symbol__in=run.symbols, ts__range=(run.min_ts, run.max_ts))
    return bars.count() >= run.inserted_count + run.updated_count
