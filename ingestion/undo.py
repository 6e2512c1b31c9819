"""A run, taken back exactly: what it inserted goes, what it changed has its old values, what it removed is there again.

The undo is a run itself, in the same audit trail: its row is committed first, it holds the series' locks while it
decides and writes, and it is closed as `success` in the transaction of its changes.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F, Q, QuerySet

from ingestion.database import database_errors_in_words, require_database
from ingestion.errors import InputError
from ingestion.locks import lock_series
from ingestion.observer import Observer
from ingestion.runs import audited, closing_time, open_run, succeed_run
from ingestion.undo_bars import (
    LeftBars,
    UndoCounts,
    find_bars,
    find_left,
    find_runs_undone_before,
    take_back,
)
from ingestion.undo_days import Days, give_days_back, sort_days
from ingestion.undo_words import confirmed_in_words, left_in_words, undone_before_in_words
from marketdata.live_runs import close_dead_runs
from marketdata.models import Bar, IngestRun, SeriesInstrument

logger = logging.getLogger(__name__)

IN_DOUBT = (
    "The connection to the database was lost while the undo was committed, so it is not known whether it was made: "
    "run the command again when the server is back; it says so if the run was taken back already."
)
_IN_ERRORS = {"what": "changes", "outcome": "nothing was changed"}


@dataclass(frozen=True)
class Undo:
    """What an undo did, or would do: its own run (not saved if it would), what it left, and what one should know."""

    run: IngestRun
    left: LeftBars
    notes: list[str]


@dataclass(frozen=True)
class Found:
    """All that must be known of the undone run before its first bar is touched."""

    undone: IngestRun
    days: Days
    counts: UndoCounts
    left: LeftBars
    runs_undone_before: list[int]


def undo_run(*, run_id: int, observer: Observer | None = None) -> Undo:
    """Take the run back; the undo's own run is then `success` and committed.

    Raises an `IngestError` whose message is for the user: `InputError` if there is nothing to take back. Must not be
    called within a transaction: the audit trail would be undone with it.
    """
    observer = observer or Observer()
    with database_errors_in_words(observer, **_IN_ERRORS):
        observer.check()
        require_database()
        close_dead_runs()
        undone = _find(run_id)
        run = _new_run(undone)
        open_run(run)
    with (
        audited(run, in_doubt=IN_DOUBT),
        database_errors_in_words(observer, **_IN_ERRORS),
        transaction.atomic(durable=True),
        connection.cursor() as cursor,
    ):
        observer.step("Waiting for others who write these series")
        lock_series(cursor, undone.symbols)
        observer.check()
        _refuse_hopeless(undone)  # another undo may have been faster
        observer.step("Looking for what later runs have changed")
        found = _look(cursor, undone)
        observer.check()
        observer.step("Taking the bars back")
        finished_at = closing_time(run)
        take_back(cursor, found.counts, run.pk, finished_at)
        _refuse_if_all_is_left(found, give_days_back(cursor, undone, found.days))
        _fill_in(run, found)
        notes = _notes(found)
        observer.check()
        succeed_run(run, finished_at)
    logger.info("Run %s took run %s back: %s bars changed, %s left", run.pk, undone.pk, run.row_count, run.left_count)
    return Undo(run, found.left, notes)


def preview_undo(*, run_id: int, observer: Observer | None = None) -> Undo:
    """Do everything but write: the same, with a run that is not saved. Raises what `undo_run` would raise."""
    observer = observer or Observer()
    with database_errors_in_words(observer, **_IN_ERRORS):
        observer.check()
        require_database()
        undone = _find(run_id)
        run = _new_run(undone)
        with transaction.atomic(durable=True), connection.cursor() as cursor:
            observer.step("Comparing with the table")
            found = _look(cursor, undone)
            if not found.counts.total:  # then it is of days alone, and they tell without the bars' being written
                _refuse_if_all_is_left(found, give_days_back(cursor, undone, found.days))
            _fill_in(run, found)
            notes = _notes(found)
            transaction.set_rollback(True)
    return Undo(run, found.left, notes)


# --- What can be undone ----------------------------------------------------------------------------------------------


def _find(run_id: int) -> IngestRun:
    undone = IngestRun.objects.filter(pk=run_id).first()
    if undone is None:
        raise InputError(f"There is no run {run_id}: the runs are listed in the admin, and by /api/ingest-runs/.")
    if undone.undoes_id:
        raise InputError(
            f"Run {run_id} is an undo itself, of run {undone.undoes_id} ({undone.file_name}): to have those bars "
            "again, ingest the file again."
        )
    if undone.status == IngestRun.Status.RUNNING:
        raise InputError(f"Run {run_id} is not finished: wait for it, or stop it, and nothing of it is stored.")
    if undone.status == IngestRun.Status.FAILED:
        raise InputError(f"Run {run_id} failed, so nothing of it was stored and there is nothing to take back.")
    _refuse_hopeless(undone)
    return undone


def _refuse_hopeless(undone: IngestRun) -> None:
    """Where nothing in the table is of the run any more, or ever was."""
    before = undone.undone_by.filter(status=IngestRun.Status.SUCCESS).order_by("-pk").first()
    if before is not None and not before.left_count:
        raise InputError(f"Run {undone.pk} was taken back already, by run {before.pk}.")
    if _has_bars(undone) or _has_days(undone):
        return
    if before is not None:
        raise InputError(
            f"Run {undone.pk} was taken back by run {before.pk} but for {before.left_count:,} bars that later runs "
            "have changed, and that is still so."
        )
    if undone.inserted_count or undone.changed_count or undone.removed_count:
        raise InputError(f"Nothing of run {undone.pk} is left to take back: later runs have changed all its bars.")
    raise InputError(
        f"Run {undone.pk} changed nothing, since each of its bars was in the table already: there is nothing to take "
        "back."
    )


def _has_bars(undone: IngestRun) -> bool:
    return Bar.objects.filter(
        symbol__in=undone.symbols, ts__range=(undone.min_ts, undone.max_ts), ingestion_run=undone
    ).exists()


def _has_days(undone: IngestRun) -> bool:
    return SeriesInstrument.objects.filter(Q(run=undone, replaced_by__isnull=True) | Q(replaced_by=undone)).exists()


# --- The undo's own run, and what is said of it ----------------------------------------------------------------------


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


def _look(cursor: CursorWrapper, undone: IngestRun) -> Found:
    days = sort_days(cursor, undone)
    return Found(
        undone=undone,
        days=days,
        counts=find_bars(cursor, undone, days),
        left=find_left(cursor, undone),
        runs_undone_before=find_runs_undone_before(cursor),
    )


def _refuse_if_all_is_left(found: Found, touched_days: int) -> None:
    if not found.counts.total and not touched_days:
        raise InputError(
            f"Nothing of run {found.undone.pk} can be taken back. {left_in_words(found.undone, found.left)}"
        )


def _fill_in(run: IngestRun, found: Found) -> None:
    counts = found.counts
    run.inserted_count, run.removed_count = counts.returned, counts.removed
    run.updated_count = run.changed_count = counts.changed
    run.row_count, run.left_count = counts.total, found.left.count
    run.min_ts, run.max_ts = found.undone.min_ts, found.undone.max_ts


def _notes(found: Found) -> list[str]:
    """What the user should know, before it is done or after."""
    notes = [left_in_words(found.undone, found.left)] if found.left.count else []
    notes += [undone_before_in_words(run_id) for run_id in found.runs_undone_before]
    if found.counts.removed + found.counts.changed:
        notes += confirmed_in_words(_runs_that_confirmed(found.undone))
    return notes


def _runs_that_confirmed(undone: IngestRun) -> QuerySet[IngestRun]:
    """Later runs that may have found some of these bars in the table already, and so left them to this run."""
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
