"""Undoing a run exactly: bars that it inserted are removed, bars that it changed get their old values, and bars that it
removed are restored. `undo_run` is the table of contents.

The undo is a run of its own in the same audit trail. Its row is committed first, it has the series' locks while it
decides and writes, and it is closed as `success` in the transaction of its changes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.database import prepare_transaction, require_database, translate_database_errors
from ingestion.loading.locks import lock_series
from ingestion.loading.partitions import keep_partitions, refuse_archived_run
from ingestion.loading.price_steps import read_steps, store_undone_steps
from ingestion.progress import Progress
from ingestion.runs import COMMAND_LINE, RunRequest, open_run, succeed_run
from ingestion.sessions.monitor import monitor_run
from ingestion.undo.days import classify_days
from ingestion.undo.eligibility import find_undoable_run, refuse_if_all_skipped, refuse_without_changes
from ingestion.undo.intervals import remove_mapped_dates, restore_intervals
from ingestion.undo.messages import build_notes
from ingestion.undo.plan import SkippedBars, UndoCounts, UndoPlan
from ingestion.undo.splits import count_returns, undo_split
from ingestion.undo.transaction import IN_ERRORS, undo_transaction
from marketdata.models import IngestRun
from marketdata.runs.locks import close_orphaned_runs

logger = logging.getLogger(__name__)

NOTHING_SKIPPED = SkippedBars({}, ())


@dataclass(frozen=True)
class UndoPreview:
    """What an undo of the run `undone` would do, with the notes that it would give."""

    undone: IngestRun
    counts: UndoCounts
    skipped: SkippedBars
    notes: tuple[str, ...]


@dataclass(frozen=True)
class UndoResult:
    """What the undo of the run `undone` did. `run` is the undo's own run, `success` and committed."""

    run: IngestRun
    undone: IngestRun
    counts: UndoCounts
    skipped: SkippedBars
    notes: tuple[str, ...]


def undo_run(*, run_id: int, progress: Progress | None = None, request: RunRequest = COMMAND_LINE) -> UndoResult:
    """Undo the run.

    Raises an `IngestError` whose message is for the user: an `InputError` if there is nothing to undo. Must not be
    called in a transaction, whose rollback would also remove the undo from the audit trail.
    """
    progress = progress or Progress()
    with translate_database_errors(progress, **IN_ERRORS):
        progress.raise_if_cancelled()
        require_database()
        close_orphaned_runs()
        undone = find_undoable_run(run_id)
        run = _new_run(undone)
        open_run(run, request)
    if undone.kind == IngestRun.Kind.SPLIT:
        return UndoResult(run, undone, undo_split(run, undone, progress), NOTHING_SKIPPED, ())
    with monitor_run(run, progress) as progress, undo_transaction(run, progress) as cursor:
        progress.step("Waiting for other writers of these series")
        lock_series(cursor, undone.symbols)
        _follow_split(cursor, run, undone)
        keep_partitions(cursor)
        progress.raise_if_cancelled()
        refuse_archived_run(undone)  # a year may have been archived during the wait
        refuse_without_changes(undone)  # another undo may have been committed during the wait
        price_steps = read_steps(cursor, undone.symbols)
        progress.step("Finding what later runs have changed")
        days = classify_days(cursor, undone)
        with UndoPlan(cursor, undone, days) as plan:
            progress.raise_if_cancelled()
            progress.step("Undoing")
            progress.count_rows(plan.counts.total)
            plan.write(undo_id=run.pk)
            changed_intervals = restore_intervals(cursor, undone, days)
        refuse_if_all_skipped(undone, plan, changed_intervals)
        if not plan.skipped.count:
            remove_mapped_dates(undone)
        has_restored = plan.counts.changed_back or plan.counts.restored
        store_undone_steps(cursor, price_steps, undone.time_range if has_restored else None)
        notes = build_notes(undone, plan)
        _fill_in(run, undone, plan)
        progress.raise_if_cancelled()
        succeed_run(run)
    logger.info("Run %s undid run %s: %s bars, %s skipped", run.pk, undone.pk, run.row_count, run.left_count)
    return UndoResult(run, undone, plan.counts, plan.skipped, notes)


def preview_undo(*, run_id: int, progress: Progress | None = None, max_seconds: int | None = None) -> UndoPreview:
    """Find what `undo_run` would do, and change nothing. Raises what `undo_run` would raise, and `DatabaseFailure` if a
    statement takes longer than `max_seconds`."""
    progress = progress or Progress()
    with translate_database_errors(progress, **IN_ERRORS):
        progress.raise_if_cancelled()
        require_database()
        undone = find_undoable_run(run_id)
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            prepare_transaction(cursor)
            progress.step("Comparing with the table")
            if max_seconds is not None:
                cursor.execute("SET LOCAL statement_timeout = %s", [1000 * max_seconds])
            if undone.kind == IngestRun.Kind.SPLIT:
                return UndoPreview(undone, count_returns(cursor, undone), NOTHING_SKIPPED, ())
            days = classify_days(cursor, undone)
            with UndoPlan(cursor, undone, days) as plan:
                if not plan.counts.total:  # without bars to write, the intervals are as an undo would find them
                    refuse_if_all_skipped(undone, plan, restore_intervals(cursor, undone, days))
            notes = build_notes(undone, plan)
            transaction.set_rollback(True)
    return UndoPreview(undone, plan.counts, plan.skipped, notes)


def _follow_split(cursor: CursorWrapper, run: IngestRun, undone: IngestRun) -> None:
    """A split that was committed during the wait has moved the bars of the run to other series."""
    undone.refresh_from_db(fields=["symbols"])
    run.symbols = undone.symbols
    lock_series(cursor, undone.symbols)


def _new_run(undone: IngestRun) -> IngestRun:
    return IngestRun(
        kind=IngestRun.Kind.UNDO,
        undoes=undone,
        vendor=undone.vendor,
        dataset=undone.dataset,
        vendor_dataset=undone.vendor_dataset,
        schema=undone.schema,
        symbols=undone.symbols,
        file_name=undone.file_name,
    )


def _fill_in(run: IngestRun, undone: IngestRun, plan: UndoPlan) -> None:
    counts = plan.counts
    run.inserted_count, run.removed_count = counts.restored, counts.removed
    run.updated_count = run.changed_count = counts.changed_back
    run.row_count, run.left_count = counts.total, plan.skipped.count
    run.min_ts, run.max_ts = undone.min_ts, undone.max_ts
