"""One file of a batch: ingested in its own run and transaction, or skipped because it is already loaded."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from ingestion.batch.outcomes import Failed, FileOutcome, Loaded, Previewed, Skipped
from ingestion.database import require_database, translate_database_errors
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file, preview_file
from ingestion.progress import Progress
from ingestion.symbology.assign import assign_series
from marketdata.models import Bar, IngestRun
from marketdata.runs.locks import close_orphaned_runs


@dataclass(frozen=True)
class BatchOptions:
    """How each file of a batch is loaded. `skip_ingested` skips files already loaded (same SHA-256)."""

    ingest_options: IngestOptions
    dry_run: bool = False
    skip_ingested: bool = False


def ingest_one(path: Path, options: BatchOptions, progress: Progress) -> FileOutcome:
    """Ingest, preview or skip one file. An `IngestError` is returned in the outcome, not raised."""
    try:
        earlier = find_earlier_run(path, options, progress) if options.skip_ingested else None
        if earlier is not None:
            return Skipped(path, earlier.pk)
        if options.dry_run:
            return Previewed(path, preview_file(path=path, options=options.ingest_options, progress=progress))
        loaded = ingest_file(path=path, options=options.ingest_options, progress=progress)
        return Loaded(path, loaded.run.pk, loaded.run.seconds, loaded.result)
    except IngestError as error:
        return Failed(path, error)
    finally:
        progress.end_file()


def find_earlier_run(path: Path, options: BatchOptions, progress: Progress) -> IngestRun | None:
    """Return the last successful run that loaded all rows of this content into the same series, or None.

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
        return _find_run_with_same_content(path, options.ingest_options)


def _find_run_with_same_content(path: Path, options: IngestOptions) -> IngestRun | None:
    with contextlib.suppress(IngestError), SourceFile(path) as source:  # ingesting the file reports its error
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
        return run if run and _has_all_bars(run) and not _is_touched_by_undo(run) else None
    return None


def _is_touched_by_undo(run: IngestRun) -> bool:
    """Whether a later undo may have removed bars of the file: an undo of this run, or of another run whose bars this
    run found already stored."""
    undos = IngestRun.objects.filter(undoes__isnull=False, status=IngestRun.Status.SUCCESS)
    return undos.filter(
        finished_at__gt=run.started_at,
        symbols__overlap=run.symbols,
        min_ts__lte=run.max_ts,
        max_ts__gte=run.min_ts,
    ).exists()


def _has_all_bars(run: IngestRun) -> bool:
    """Whether the table has at least as many bars in the run's range as the run stored. Bars can be deleted by hand."""
    bars = Bar.objects.filter(symbol__in=run.symbols, ts__range=(run.min_ts, run.max_ts))
    return bars.count() >= run.inserted_count + run.updated_count
