"""Which runs can be undone, and the message for each that cannot."""

from __future__ import annotations

from django.db.models import Exists, OuterRef, Q

from ingestion.errors import InputError
from ingestion.loading.partitions import refuse_archived_run
from ingestion.split.reverse import refuse_later_runs
from ingestion.undo.days import find_whole_days
from ingestion.undo.messages import format_skipped
from ingestion.undo.plan import UndoPlan
from marketdata.command_line import manage
from marketdata.models import Bar, BarRevision, IngestRun, SeriesInstrument


def find_undoable_run(run_id: int) -> IngestRun:
    """The run with this id. Raises `InputError` if there is none, or if it cannot be undone."""
    undone = IngestRun.objects.filter(pk=run_id).first()
    if undone is None:
        raise InputError(f"There is no run {run_id}: the runs are listed in the admin, and by /api/ingest-runs/.")
    if undone.undoes_id:
        raise InputError(_describe_undo(undone))
    if undone.status == IngestRun.Status.RUNNING:
        raise InputError(f"Run {run_id} is not finished: wait for it, or stop it and nothing of it is stored.")
    if undone.status == IngestRun.Status.FAILED:
        raise InputError(f"Run {run_id} failed, so nothing of it was stored and there is nothing to undo.")
    refuse_archived_run(undone)
    refuse_without_changes(undone)
    return undone


def refuse_without_changes(undone: IngestRun) -> None:
    """Raise `InputError` if the table has no change of the run: it made none, it was undone, or later runs wrote over
    all of them."""
    undo = undone.undone_by.filter(status=IngestRun.Status.SUCCESS).order_by("-pk").first()
    if undo is not None and not undo.left_count:
        raise InputError(f"Run {undone.pk} was already undone, by run {undo.pk}.")
    if undone.kind == IngestRun.Kind.SPLIT:
        refuse_later_runs(undone)
        return
    if _has_bars(undone) or _has_intervals(undone) or _has_removed(undone):
        return
    if undo is not None:
        raise InputError(
            f"Run {undone.pk} was undone by run {undo.pk}, except for {undo.left_count:,} bars that later runs have "
            "changed: undo those runs first."
        )
    if undone.inserted_count or undone.changed_count or undone.removed_count:
        raise _build_nothing_left(undone)
    raise InputError(
        f"Run {undone.pk} changed nothing, since the table already had each of its bars: there is nothing to undo."
    )


def refuse_if_all_skipped(undone: IngestRun, plan: UndoPlan, changed_intervals: int) -> None:
    """Raise `InputError` if the undo changes neither a bar nor an interval."""
    if not plan.counts.total and not changed_intervals:
        if not plan.skipped.count:
            raise _build_nothing_left(undone)
        raise InputError(f"Nothing of run {undone.pk} can be undone. {format_skipped(undone, plan.skipped)}")


def _build_nothing_left(undone: IngestRun) -> InputError:
    return InputError(f"Run {undone.pk} has nothing left to undo: later runs have changed all its bars.")


def _describe_undo(undo: IngestRun) -> str:
    if undo.moves is not None:
        return (
            f"Run {undo.pk} is an undo itself, of run {undo.undoes_id} (a split): to split those series again, use "
            f"{manage()} split_contracts."
        )
    return (
        f"Run {undo.pk} is an undo itself, of run {undo.undoes_id} ({undo.file_name}): to store those bars "
        "again, ingest the file again."
    )


def _has_bars(undone: IngestRun) -> bool:
    return Bar.objects.filter(
        symbol__in=undone.symbols, ts__range=(undone.min_ts, undone.max_ts), ingestion_run=undone
    ).exists()


def _has_intervals(undone: IngestRun) -> bool:
    of_bars = SeriesInstrument.objects.filter(from_mapping=False)
    return of_bars.filter(Q(run=undone, replaced_by__isnull=True) | Q(replaced_by=undone)).exists()


def _has_removed(undone: IngestRun) -> bool:
    """Whether a bar that the run removed is still absent."""
    if not undone.removed_count:
        return False
    first, end = find_whole_days(undone)
    present = Bar.objects.filter(symbol=OuterRef("symbol"), ts=OuterRef("ts"))
    return BarRevision.objects.filter(
        ~Exists(present),
        symbol__in=undone.symbols,
        ts__gte=first,
        ts__lt=end,
        revised_by=undone,
        operation=BarRevision.Operation.DELETE,
    ).exists()
