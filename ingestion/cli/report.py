"""The results of an ingest, as text and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from django.db import Error

from ingestion.batch.outcomes import Failed, FileOutcome, Loaded, Previewed, Skipped
from ingestion.results import FileResult
from marketdata.models import Series

RULE = "=" * 80


def format_loaded(loaded: Loaded, *, path: Path | None = None) -> str:
    """Format the result of a file that was loaded. For one of several files, `path` names it."""
    result = loaded.result
    lines = [
        RULE,
        "✅ INGESTION COMPLETE",
        RULE,
        f"Run ID: {loaded.run_id}",
        f"Total bars: {result.row_count:,}",
        f"Inserted: {result.inserted_count:,}",
        f"Updated: {result.updated_count:,}",
        f"Time range: {result.min_ts} to {result.max_ts}",
        RULE,
        *([f"File: {path}"] if path else []),
        *_format_details(result),
        *_format_speed(loaded),
        *result.notes,
    ]
    return "\n".join(lines)


def format_preview(result: FileResult, *, path: Path | None = None) -> str:
    """Format what a run would do."""
    lines = [
        RULE,
        "✅ DRY RUN COMPLETE - No database changes made",
        RULE,
        f"Would process: {result.row_count:,} bars",
        f"Would insert: {result.inserted_count:,}",
        f"Would update: {result.updated_count:,}",
        f"Time range: {result.min_ts} to {result.max_ts}",
        RULE,
        *([f"File: {path}"] if path else []),
        *_format_details(result),
        *result.notes,
    ]
    return "\n".join(lines)


def format_closing_line(outcomes: list[FileOutcome], not_reached: int) -> str:
    """Count the outcomes of several files in one line."""
    loaded = sum(isinstance(outcome, Loaded | Previewed) for outcome in outcomes)
    skipped = sum(isinstance(outcome, Skipped) for outcome in outcomes)
    failed = sum(isinstance(outcome, Failed) for outcome in outcomes)
    rest = f", {not_reached:,} not reached" if not_reached else ""
    return f"{len(outcomes) + not_reached:,} files: {loaded:,} loaded, {skipped:,} skipped, {failed:,} failed{rest}."


def serialize_outcomes(outcomes: list[FileOutcome], notes: Sequence[str], *, dry_run: bool) -> dict:
    """Return the JSON object for scripts. `files` has one object per file, up to the one that ended the batch; counts
    are integers, times ISO 8601 in UTC. `notes` are about what the inputs have besides these files."""
    return {
        "dry_run": dry_run,
        "ok": not any(isinstance(outcome, Failed) for outcome in outcomes),
        "files": [_serialize_outcome(outcome) for outcome in outcomes],
        "notes": list(notes),
    }


def _serialize_outcome(outcome: FileOutcome) -> dict:
    match outcome:
        case Failed(path, error):
            return {"file": str(path), "status": "failed", "error": str(error)}
        case Skipped(path, run_id):
            return {"file": str(path), "status": "skipped", "run_id": run_id, "notes": [f"{path} {outcome.note}"]}
        case Previewed(path, result):
            return _serialize_result(path, result, status="dry_run", run_id=None, seconds=None)
        case Loaded(path, run_id, seconds, result):
            return _serialize_result(path, result, status="success", run_id=run_id, seconds=seconds)


def _serialize_result(
    path: Path, result: FileResult, *, status: str, run_id: int | None, seconds: float | None
) -> dict[str, object]:
    return {
        "file": str(path),
        "status": status,
        "run_id": run_id,
        "symbols": list(result.symbols),
        "dataset": result.dataset,
        "sha256": result.file_sha256,
        "row_count": result.row_count,
        "inserted": result.inserted_count,
        "updated": result.updated_count,
        "changed": result.changed_count,
        "identical": result.updated_count - result.changed_count,
        "removed": result.removed_count,
        "withdrawn": result.withdrawn_count,
        "duplicates": result.duplicate_count,
        "gaps": result.gap_count,
        "min_ts": result.min_ts.isoformat(),
        "max_ts": result.max_ts.isoformat(),
        "seconds": seconds,
        "notes": list(result.notes),
    }


def _format_details(result: FileResult) -> list[str]:
    unchanged = result.updated_count - result.changed_count
    lines = [f"Already stored: {result.updated_count:,} ({result.changed_count:,} corrected, {unchanged:,} unchanged)"]
    if result.removed_count:
        whose = "" if result.withdrawn_count else " of the replaced instrument"
        lines.append(f"Bars{whose}, not in the file: {result.removed_count:,} removed")
    return [
        *lines,
        f"Withdrawn (stored, but not in the file): {result.withdrawn_count:,}",
        f"Duplicate rows in the file: {result.duplicate_count:,}",
        f"Gaps of more than a minute: {result.gap_count:,}",
        *_format_series(result.symbols),
    ]


def _format_series(symbols: Sequence[str], maximum: int = 5) -> list[str]:
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


def _format_speed(loaded: Loaded) -> list[str]:
    seconds = loaded.seconds or 0.001
    return [f"Took: {seconds:.1f} s ({loaded.result.row_count / seconds:,.0f} rows/s)"]
