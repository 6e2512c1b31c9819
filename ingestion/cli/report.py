"""The results of an ingest, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.db import Error

from ingestion.batch.one_file import FileOutcome
from ingestion.pipeline import FilePreview
from marketdata.models import IngestRun, Series

RULE = "=" * 80


def format_result(run: IngestRun, notes: Iterable[str], *, path: Path | None = None) -> str:
    """Format the result of a run that loaded a file. For one of several files, `path` names it."""
    lines = [
        RULE,
        "✅ INGESTION COMPLETE",
        RULE,
        f"Run ID: {run.pk}",
        f"Total bars: {run.row_count:,}",
        f"Inserted: {run.inserted_count:,}",
        f"Updated: {run.updated_count:,}",
        f"Time range: {run.min_ts} to {run.max_ts}",
        RULE,
        *([f"File: {path}"] if path else []),
        *_format_details(run),
        *_format_speed(run),
        *notes,
    ]
    return "\n".join(lines)


def format_preview(preview: FilePreview, notes: Iterable[str], *, path: Path | None = None) -> str:
    """Format what a run would do."""
    lines = [
        RULE,
        "✅ DRY RUN COMPLETE - No database changes made",
        RULE,
        f"Would process: {preview.row_count:,} bars",
        f"Would insert: {preview.inserted_count:,}",
        f"Would update: {preview.updated_count:,}",
        f"Time range: {preview.min_ts} to {preview.max_ts}",
        RULE,
        *([f"File: {path}"] if path else []),
        *_format_details(preview),
        *notes,
    ]
    return "\n".join(lines)


def format_closing_line(outcomes: list[FileOutcome], not_reached: int) -> str:
    """Count the outcomes of several files in one line."""
    loaded = sum((outcome.run or outcome.preview) is not None for outcome in outcomes)
    skipped = sum(outcome.earlier_run is not None for outcome in outcomes)
    failed = sum(outcome.error is not None for outcome in outcomes)
    rest = f", {not_reached:,} not reached" if not_reached else ""
    return f"{len(outcomes) + not_reached:,} files: {loaded:,} loaded, {skipped:,} skipped, {failed:,} failed{rest}."


def serialize_outcomes(outcomes: list[FileOutcome], *, dry_run: bool) -> dict:
    """Return the JSON object for scripts. `files` has one object per file, up to the one that ended the batch; counts
    are integers, times ISO 8601 in UTC."""
    return {
        "dry_run": dry_run,
        "ok": all(outcome.error is None for outcome in outcomes),
        "files": [_serialize_outcome(outcome) for outcome in outcomes],
    }


def _serialize_outcome(outcome: FileOutcome) -> dict:
    if outcome.error is not None:
        return {"file": str(outcome.path), "status": "failed", "error": str(outcome.error)}
    if outcome.earlier_run is not None:
        return {"file": str(outcome.path), "status": "skipped", "run_id": outcome.earlier_run.pk}
    counted = outcome.preview or outcome.run
    return {
        "file": str(outcome.path),
        "status": "dry_run" if outcome.preview else outcome.run.status,
        "run_id": None if outcome.preview else outcome.run.pk,
        "symbols": counted.symbols,
        "dataset": counted.dataset,
        "sha256": counted.file_sha256,
        "row_count": counted.row_count,
        "inserted": counted.inserted_count,
        "updated": counted.updated_count,
        "changed": counted.changed_count,
        "identical": counted.updated_count - counted.changed_count,
        "removed": counted.removed_count,
        "duplicates": counted.duplicate_count,
        "gaps": counted.gap_count,
        "min_ts": counted.min_ts.isoformat(),
        "max_ts": counted.max_ts.isoformat(),
        "seconds": None if outcome.preview else _measure_seconds(outcome.run),
        "notes": list(outcome.notes),
    }


def _format_details(run: IngestRun | FilePreview) -> list[str]:
    unchanged = run.updated_count - run.changed_count
    lines = [f"Already stored: {run.updated_count:,} ({run.changed_count:,} corrected, {unchanged:,} unchanged)"]
    if run.removed_count:
        lines.append(f"Bars of the replaced instrument, not in the file: {run.removed_count:,} removed")
    lines += [f"Duplicate rows in the file: {run.duplicate_count:,}", f"Gaps of more than a minute: {run.gap_count:,}"]
    lines += _format_series(run.symbols)
    return lines


def _format_series(symbols: list[str], maximum: int = 5) -> list[str]:
    try:
        slugs = dict(Series.objects.filter(symbol__in=symbols[:maximum]).values_list("symbol", "slug"))
    except Error:  # the file is loaded: without the link to its statistics the run must not look failed
        return [f"Series: {symbol}" for symbol in symbols[:maximum]]
    lines = [f"Series: {symbol}{_format_stats_link(slugs.get(symbol))}" for symbol in symbols[:maximum]]
    if len(symbols) > maximum:
        lines.append(f"Series: … and {len(symbols) - maximum:,} more")
    return lines


def _format_stats_link(slug: str | None) -> str:
    # Not reverse(): it would import every page of the site.
    return " (new)" if slug is None else f" (stats: /api/market-data/{slug}/ohlcv-1m/stats)"


def _format_speed(run: IngestRun) -> list[str]:
    seconds = _measure_seconds(run) or 0.001
    return [f"Took: {seconds:.1f} s ({run.row_count / seconds:,.0f} rows/s)"]


def _measure_seconds(run: IngestRun) -> float | None:
    return round((run.finished_at - run.started_at).total_seconds(), 3) if run.finished_at else None
