"""What a person, or a script, is told of an ingest."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from django.db import Error

from ingestion.batch.one_file import FileOutcome
from ingestion.pipeline import FilePreview
from marketdata.models import IngestRun, Series

RULE = "=" * 80


def summary(run: IngestRun, notes: Iterable[str], *, path: Path | None = None) -> str:
    """The result of a run that stored a file; with the path it says which, for one of several."""
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
        *_details(run),
        *_speed(run),
        *notes,
    ]
    return "\n".join(lines)


def dry_run_summary(preview: FilePreview, notes: Iterable[str], *, path: Path | None = None) -> str:
    """What a run would have done."""
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
        *_details(preview),
        *notes,
    ]
    return "\n".join(lines)


def closing_line(outcomes: list[FileOutcome], not_reached: int) -> str:
    """How several files went, in one line."""
    stored = sum(outcome.run is not None or outcome.preview is not None for outcome in outcomes)
    skipped = sum(outcome.skipped_for is not None for outcome in outcomes)
    failed = sum(outcome.error is not None for outcome in outcomes)
    rest = f", {not_reached:,} not reached" if not_reached else ""
    return f"{len(outcomes) + not_reached:,} files: {stored:,} taken, {skipped:,} skipped, {failed:,} failed{rest}."


def as_json(outcomes: list[FileOutcome], *, dry_run: bool) -> dict:
    """The same for scripts. `files` has one object per file, up to the one that ended the work if one did; counts are
    integers, times ISO 8601 in UTC."""
    return {
        "dry_run": dry_run,
        "ok": all(outcome.error is None for outcome in outcomes),
        "files": [_file_as_json(outcome) for outcome in outcomes],
    }


def _file_as_json(outcome: FileOutcome) -> dict:
    if outcome.error is not None:
        return {"file": str(outcome.path), "status": "failed", "error": str(outcome.error)}
    if outcome.skipped_for is not None:
        return {"file": str(outcome.path), "status": "skipped", "run_id": outcome.skipped_for.pk}
    run, preview = outcome.run, outcome.preview
    counted = preview or run
    return {
        "file": str(outcome.path),
        "status": "dry_run" if preview else run.status,
        "run_id": None if preview else run.pk,
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
        "seconds": None if preview else _seconds(run),
        "notes": list(outcome.notes),
    }


def _details(run: IngestRun | FilePreview) -> list[str]:
    identical = run.updated_count - run.changed_count
    lines = [f"Of the updated: {run.changed_count:,} changed, {identical:,} identical and left alone"]
    if run.removed_count:
        lines.append(f"Of the instrument before, not in the file: {run.removed_count:,} removed")
    lines += [f"Duplicate rows in the file: {run.duplicate_count:,}", f"Gaps of more than a minute: {run.gap_count:,}"]
    lines += _series_lines(run.symbols)
    return lines


def _series_lines(symbols: list[str], most: int = 5) -> list[str]:
    try:
        slugs = dict(Series.objects.filter(symbol__in=symbols[:most]).values_list("symbol", "slug"))
    except Error:  # the file is in: what is only good to know must not make it look otherwise
        return [f"Series: {symbol}" for symbol in symbols[:most]]
    lines = [f"Series: {symbol}{_stats_hint(slugs.get(symbol))}" for symbol in symbols[:most]]
    if len(symbols) > most:
        lines.append(f"Series: … and {len(symbols) - most:,} more")
    return lines


def _stats_hint(slug: str | None) -> str:
    # Not reverse(): it would import every page of the site to say this.
    return " (new)" if slug is None else f" (stats: /api/market-data/{slug}/ohlcv-1m/stats)"


def _speed(run: IngestRun) -> list[str]:
    seconds = _seconds(run) or 0.001
    return [f"Took: {seconds:.1f} s ({run.row_count / seconds:,.0f} rows/s)"]


def _seconds(run: IngestRun) -> float | None:
    return round((run.finished_at - run.started_at).total_seconds(), 3) if run.finished_at else None
