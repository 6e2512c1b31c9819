"""The result of an undo, or of its preview, as text for a terminal and as JSON for scripts."""

from __future__ import annotations

from ingestion.cli.report import RULE
from ingestion.undo.pipeline import UndoPreview, UndoResult
from marketdata.models import IngestRun

_MAX_SYMBOLS_NAMED = 5


def format_result(result: UndoResult) -> str:
    """The summary of an undo."""
    lines = [
        RULE,
        f"✅ RUN {result.undone.pk} UNDONE",
        RULE,
        f"Run ID: {result.run.pk}",
        *_format_counts(result, ("Removed", "Changed back", "Restored", "Skipped"), moved="Moved back"),
        RULE,
        *_format_details(result.undone),
        f"Took: {result.run.seconds:.1f} s",
        *result.notes,
    ]
    return "\n".join(lines)


def format_preview(preview: UndoPreview) -> str:
    """The summary of a dry run."""
    lines = [
        RULE,
        "✅ DRY RUN COMPLETE - No database changes made",
        RULE,
        f"Would undo: run {preview.undone.pk}",
        *_format_counts(
            preview, ("Would remove", "Would change back", "Would restore", "Would skip"), moved="Would move back"
        ),
        RULE,
        *_format_details(preview.undone),
        *preview.notes,
    ]
    return "\n".join(lines)


def serialize_result(result: UndoResult) -> dict:
    """The same for scripts. Counts are integers, times ISO 8601 in UTC."""
    return _serialize(result, run_id=result.run.pk, seconds=result.run.seconds)


def serialize_preview(preview: UndoPreview) -> dict:
    """The same keys as an undo has; `run_id` and `seconds` are null."""
    return _serialize(preview, run_id=None, seconds=None)


def serialize_refusal(run_id: int, error: Exception, *, dry_run: bool) -> dict:
    """An undo, or a dry run, that was refused or failed: the message is in `error`."""
    return {"ok": False, "dry_run": dry_run, "run_id": None, "undoes": run_id, "error": str(error)}


def _serialize(outcome: UndoResult | UndoPreview, *, run_id: int | None, seconds: float | None) -> dict:
    undone, counts, skipped = outcome.undone, outcome.counts, outcome.skipped
    first, last = undone.time_range
    return {
        "ok": True,
        "dry_run": isinstance(outcome, UndoPreview),
        "run_id": run_id,
        "undoes": undone.pk,
        "file_name": undone.file_name,
        "symbols": undone.symbols,
        "removed": counts.removed,
        "changed_back": counts.changed_back,
        "there_again": counts.restored,
        "left": skipped.count,
        "left_for_runs": [{"run_id": later_run_id, "bars": count} for later_run_id, count in skipped.by_run.items()],
        "first_left": [{"symbol": bar.symbol, "ts": bar.ts.isoformat(), "run_id": bar.run_id} for bar in skipped.first],
        "min_ts": first.isoformat(),
        "max_ts": last.isoformat(),
        "seconds": seconds,
        "notes": list(outcome.notes),
    }


def _format_counts(outcome: UndoResult | UndoPreview, labels: tuple[str, ...], *, moved: str) -> list[str]:
    if outcome.undone.kind == IngestRun.Kind.SPLIT:
        return [f"{moved}: {outcome.counts.changed_back:,}"]
    counts = outcome.counts.removed, outcome.counts.changed_back, outcome.counts.restored, outcome.skipped.count
    return [f"{label}: {count:,}" for label, count in zip(labels, counts, strict=True)]


def _format_details(undone: IngestRun) -> list[str]:
    hidden = len(undone.symbols) - _MAX_SYMBOLS_NAMED
    more = f" and {hidden:,} more" if hidden > 0 else ""
    return [
        f"File of the run: {undone.file_name}" if undone.file_name else f"The run: {undone.title}",
        f"Series: {', '.join(undone.symbols[:_MAX_SYMBOLS_NAMED])}{more}",
        f"Time range: {undone.min_ts} to {undone.max_ts}",
    ]
