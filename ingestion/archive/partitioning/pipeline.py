"""`manage.py partition_bars`, step by step: `partition_bars` is the table of contents."""

from __future__ import annotations

import contextlib
import functools
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.db import Error, connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.archive.partitioning.copies import catch_up, copy_year
from ingestion.archive.partitioning.locks import hold_partitions_lock, run_locked
from ingestion.archive.partitioning.plan import PartitionPlan, list_years, read_plan, refuse_bars_outside
from ingestion.archive.partitioning.state import (
    find_changes,
    prepare_state,
    read_copies,
    refuse_other_tables,
    remove_state,
)
from ingestion.archive.partitioning.swap import ManyChanges, Replaced, analyze_table, replace_table
from ingestion.archive.partitioning.table import TableLayout, read_layout, refuse_losses
from ingestion.database import (
    prepare_transaction,
    require_database,
    require_own_session,
    translate_database_errors,
)
from ingestion.progress import Progress
from marketdata.partitions.years import is_partitioned, list_partitions

logger = logging.getLogger(__name__)

_MAX_ROUNDS = 10  # of catching up: after them, writers wait for what is left, however much it is
_MAX_CHANGES = timedelta(days=2)  # of bars' times, that are copied while writers wait
_OUTCOME = "the table of bars is as before"


@dataclass(frozen=True)
class PartitionResult:
    """`plan` is None where nothing was to be done: the table was partitioned, into `years`, before the call."""

    plan: PartitionPlan | None
    years: tuple[int, ...]
    bar_count: int
    seconds: float


def partition_bars(*, progress: Progress | None = None) -> PartitionResult:
    """Give the table of bars its yearly partitions. What an earlier call has copied is used.

    Raises an `IngestError` whose message is for the user. Must not be called in a transaction.
    """
    progress, started = progress or Progress(), time.monotonic()
    with translate_database_errors(progress, what="partitions", outcome=_OUTCOME):
        progress.raise_if_cancelled()
        require_database()
        require_own_session()
        with hold_partitions_lock():
            if partitioned := _find_partitioned():
                return partitioned
            layout, plan = _check()
            prepare_state(layout, progress)
            _copy_years(layout, plan, progress)
            replaced = _replace_table(layout, progress)
    with contextlib.suppress(Error):  # autovacuum does it otherwise
        analyze_table()
    logger.info("market_bars_ohlcv_1m: %s bars in %s partitions", replaced.bar_count, len(replaced.years))
    return PartitionResult(plan, replaced.years, replaced.bar_count, time.monotonic() - started)


def preview_partitions(*, progress: Progress | None = None) -> PartitionResult:
    """Find what `partition_bars` would do, and change nothing. Raises what it would raise before it begins."""
    progress = progress or Progress()
    with translate_database_errors(progress, what="partitions", outcome=_OUTCOME):
        progress.raise_if_cancelled()
        require_database()
        if partitioned := _find_partitioned():
            return partitioned
        _, plan = _check()
        return PartitionResult(plan, tuple(plan.bars), plan.bar_count, plan.seconds)


def abandon_partitions(*, progress: Progress | None = None) -> bool:
    """Remove the copies and triggers of a `partition_bars` that was interrupted. Returns whether there were any."""
    progress = progress or Progress()
    with translate_database_errors(progress, what="partitions", outcome=_OUTCOME):
        progress.raise_if_cancelled()
        require_database()
        require_own_session()
        with hold_partitions_lock():
            if _find_partitioned():
                return False
            with connection.cursor() as cursor:
                layout = read_layout(cursor)
            return remove_state(layout, progress)


def _find_partitioned() -> PartitionResult | None:
    with connection.cursor() as cursor:
        if not is_partitioned(cursor):
            return None
        return PartitionResult(None, tuple(list_partitions(cursor)), 0, 0.0)


def _check() -> tuple[TableLayout, PartitionPlan]:
    with _reading() as cursor:
        layout = read_layout(cursor)
        refuse_losses(cursor)
        plan = read_plan(cursor)
        known = {copy.year for copy in read_copies(cursor)}
        refuse_other_tables(cursor, [year for year in list_years(cursor, plan) if year not in known])
    return layout, plan


def _copy_years(layout: TableLayout, plan: PartitionPlan, progress: Progress) -> None:
    with _reading() as cursor:
        years = list_years(cursor, plan)
        refuse_bars_outside(cursor, years)
        copies = {copy.year: copy for copy in read_copies(cursor)}
    done = sum(copy.bar_count for copy in copies.values())
    progress.start_moving(plan.bar_count)
    progress.advance_to(done)
    for year in years:
        if year not in copies:
            progress.raise_if_cancelled()
            progress.step(f"Copying {year}")
            done += copy_year(layout, year).bar_count
            progress.advance_to(done)


def _replace_table(layout: TableLayout, progress: Progress) -> Replaced:
    """Writers wait while the last changes are copied, so what loads have written meanwhile is copied before."""
    for number in range(_MAX_ROUNDS):
        _catch_up(layout, progress)
        progress.step("Replacing the table")
        limit = _MAX_CHANGES if number + 1 < _MAX_ROUNDS else None
        with contextlib.suppress(ManyChanges):
            work = functools.partial(replace_table, layout=layout, max_changes=limit)
            return run_locked(work, mode="EXCLUSIVE", progress=progress)
    raise AssertionError("the last round has no limit")


def _catch_up(layout: TableLayout, progress: Progress) -> None:
    with _reading() as cursor:
        copies = {copy.year: copy for copy in read_copies(cursor)}
        changed = [copy for copy in copies.values() if find_changes(cursor, copy)]
        new = [year for year in list_years(cursor, read_plan(cursor)) if year not in copies]
    for copy in changed:
        progress.raise_if_cancelled()
        progress.step(f"Copying changes of {copy.year}")
        if catch_up(layout, copy) is None:
            copy_year(layout, copy.year)
    for year in new:
        progress.raise_if_cancelled()
        progress.step(f"Copying {year}")
        copy_year(layout, year)


@contextlib.contextmanager
def _reading() -> Iterator[CursorWrapper]:
    """A transaction that no time limit of the role ends."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        prepare_transaction(cursor)
        yield cursor
