"""What is said of the bars that an undo leaves, or that go with it."""

from __future__ import annotations

from django.db.models import QuerySet

from ingestion.undo.bars import SkippedBars
from marketdata.models import IngestRun

_RUNS_NAMED = 10


def format_skipped(undone: IngestRun, left: SkippedBars) -> str:
    """Which bars stay, for which runs, and how they may go all the same."""
    bars = "; ".join(f"{bar.symbol} {bar.ts:%Y-%m-%d %H:%M} UTC (run {bar.run_id})" for bar in left.first)
    more = f"; and {left.count - len(left.first):,} more" if left.count > len(left.first) else ""
    runs = _listed([f"run {run_id} ({count:,})" for run_id, count in left.by_run.items()])
    return (
        f"Left as they are, since later runs have written over them or over their days: {left.count:,} bars, for "
        f"{runs}: {bars}{more}. To take them back too, undo those runs, and then run {undone.pk} again."
    )


def format_undone_before(run_id: int) -> str:
    return (
        f"Bars that run {run_id} had brought have its values again, though it was undone: they had been left then, for "
        f"this run. Undo run {run_id} again if they are to go."
    )


def format_confirmed(runs: QuerySet[IngestRun]) -> list[str]:
    """A warning of the runs whose bars go too, since they had nothing new to say; nothing if there are none."""
    found = [f"run {pk} ({file_name})" for pk, file_name in runs.values_list("pk", "file_name")]
    if not found:
        return []
    return [
        f"Later runs found minutes of this stretch in the table already, and bars that they confirmed go too: "
        f"{_listed(found)}. Ingest those files again if their bars are to stay."
    ]


def _listed(runs: list[str]) -> str:
    more = f" and {len(runs) - _RUNS_NAMED:,} more runs" if len(runs) > _RUNS_NAMED else ""
    return ", ".join(runs[:_RUNS_NAMED]) + more
