"""What the user should know of an undo: bars that it skips, and bars of other runs that it changes."""

from __future__ import annotations

from django.db.models import F, QuerySet

from ingestion.undo.plan import SkippedBars, UndoPlan
from marketdata.formatting import format_count
from marketdata.models import IngestRun

_MAX_RUNS_NAMED = 10


def build_notes(undone: IngestRun, plan: UndoPlan) -> tuple[str, ...]:
    """The notes of an undo, the same for its preview."""
    notes = [format_skipped(undone, plan.skipped)] if plan.skipped.count else []
    notes += [format_undone_before(run_id) for run_id in plan.runs_undone_before]
    if plan.counts.removed or plan.counts.changed_back:
        notes += format_confirmed(find_confirming_runs(undone))
    return tuple(notes)


def find_confirming_runs(undone: IngestRun) -> QuerySet[IngestRun]:
    """Later runs that may have found bars of this run already stored with their own values, and so did not write
    them."""
    later = IngestRun.objects.filter(
        status=IngestRun.Status.SUCCESS,
        undoes__isnull=True,
        finished_at__gt=undone.finished_at,
        symbols__overlap=undone.symbols,
        min_ts__lte=undone.max_ts,
        max_ts__gte=undone.min_ts,
        updated_count__gt=F("changed_count"),
    )
    return later.exclude(undone_by__status=IngestRun.Status.SUCCESS).order_by("pk")


def format_skipped(undone: IngestRun, skipped: SkippedBars) -> str:
    """Which bars the undo skips, for which runs, and how to undo them too."""
    bars = "; ".join(f"{bar.symbol} {bar.ts:%Y-%m-%d %H:%M} UTC (run {bar.run_id})" for bar in skipped.first)
    hidden = skipped.count - len(skipped.first)
    more = f"; and {hidden:,} more" if hidden else ""
    runs = _join_runs([f"run {run_id} ({count:,})" for run_id, count in skipped.by_run.items()])
    return (
        "Skipped, since later runs have written over these bars or on their dates: "
        f"{format_count(skipped.count, 'bar')}, for {runs}: {bars}{more}. "
        f"To undo them too, undo those runs, and then undo run {undone.pk} again."
    )


def format_undone_before(run_id: int) -> str:
    """A note that values of a run return although that run was undone."""
    return (
        f"Bars of run {run_id} have its values again, although it was undone: its undo skipped them, since this run "
        f"had changed them. Undo run {run_id} again to undo them too."
    )


def format_confirmed(runs: QuerySet[IngestRun]) -> list[str]:
    """A warning about bars that the runs had confirmed; empty without runs."""
    names = [f"run {pk} ({file_name})" for pk, file_name in runs.values_list("pk", "file_name")]
    if not names:
        return []
    return [
        "Later runs found bars of this date range already stored with the same values, and the undo removes or changes "
        f"those too: {_join_runs(names)}. Ingest those files again to keep their bars."
    ]


def _join_runs(runs: list[str]) -> str:
    hidden = len(runs) - _MAX_RUNS_NAMED
    more = f" and {hidden:,} more runs" if hidden > 0 else ""
    return ", ".join(runs[:_MAX_RUNS_NAMED]) + more
