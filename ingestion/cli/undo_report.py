"""What a person, or a script, is told of an undo."""

from __future__ import annotations

from ingestion.cli.report import RULE
from ingestion.undo.pipeline import Undo
from marketdata.models import IngestRun


def summary(undo: Undo) -> str:
    """The result of an undo."""
    run = undo.run
    lines = [
        RULE,
        f"✅ RUN {run.undoes_id} TAKEN BACK",
        RULE,
        f"Run ID: {run.pk}",
        *_counts(run, ("Removed", "Changed back", "There again", "Left")),
        RULE,
        *_details(run),
        f"Took: {_seconds(run):.1f} s",
        *undo.notes,
    ]
    return "\n".join(lines)


def dry_run_summary(undo: Undo) -> str:
    """What an undo would have done."""
    lines = [
        RULE,
        "✅ DRY RUN COMPLETE - No database changes made",
        RULE,
        f"Would take back: run {undo.run.undoes_id}",
        *_counts(undo.run, ("Would remove", "Would change back", "Would bring back", "Would leave")),
        RULE,
        *_details(undo.run),
        *undo.notes,
    ]
    return "\n".join(lines)


def as_json(undo: Undo) -> dict:
    """The same for scripts: counts are integers, times ISO 8601 in UTC. `run_id` is null for a dry run."""
    run = undo.run
    return {
        "ok": True,
        "dry_run": run.pk is None,
        "run_id": run.pk,
        "undoes": run.undoes_id,
        "file_name": run.file_name,
        "symbols": run.symbols,
        "removed": run.removed_count,
        "changed_back": run.changed_count,
        "there_again": run.inserted_count,
        "left": run.left_count,
        "left_for_runs": [{"run_id": run_id, "bars": count} for run_id, count in undo.left.by_run.items()],
        "first_left": [
            {"symbol": bar.symbol, "ts": bar.ts.isoformat(), "run_id": bar.run_id} for bar in undo.left.first
        ],
        "min_ts": run.min_ts.isoformat(),
        "max_ts": run.max_ts.isoformat(),
        "seconds": _seconds(run),
        "notes": undo.notes,
    }


def refusal_as_json(run_id: int, error: Exception, *, dry_run: bool) -> dict:
    return {"ok": False, "dry_run": dry_run, "run_id": None, "undoes": run_id, "error": str(error)}


def _counts(run: IngestRun, words: tuple[str, ...]) -> list[str]:
    counts = run.removed_count, run.changed_count, run.inserted_count, run.left_count
    return [f"{word}: {count:,}" for word, count in zip(words, counts, strict=True)]


def _details(run: IngestRun) -> list[str]:
    more = f" and {len(run.symbols) - 5:,} more" if len(run.symbols) > 5 else ""
    return [
        f"File of the run: {run.file_name}",
        f"Series: {', '.join(run.symbols[:5])}{more}",
        f"Time range: {run.min_ts} to {run.max_ts}",
    ]


def _seconds(run: IngestRun) -> float | None:
    return round((run.finished_at - run.started_at).total_seconds(), 3) if run.finished_at else None
