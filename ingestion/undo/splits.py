"""Undoes a split: the bars move back, instead of being removed or changed."""

from __future__ import annotations

import logging

from django.db.backends.utils import CursorWrapper

from ingestion.loading.locks import lock_series
from ingestion.loading.partitions import keep_partitions
from ingestion.progress import Progress
from ingestion.runs import succeed_run
from ingestion.sessions.monitor import monitor_run
from ingestion.split.reverse import list_series, plan_returns, return_bars
from ingestion.undo.eligibility import refuse_without_changes
from ingestion.undo.plan import UndoCounts
from ingestion.undo.transaction import undo_transaction
from marketdata.models import IngestRun

logger = logging.getLogger(__name__)


def undo_split(run: IngestRun, undone: IngestRun, progress: Progress) -> UndoCounts:
    """Undo the split by the open run. Bars that move back count as changed back."""
    with monitor_run(run, progress) as progress, undo_transaction(run, progress) as cursor:
        progress.step("Waiting for other writers of these series")
        lock_series(cursor, list_series(undone))
        keep_partitions(cursor)
        progress.raise_if_cancelled()
        refuse_without_changes(undone)  # another undo may have been committed during the wait
        progress.step("Finding what later runs have changed")
        planned = plan_returns(cursor, undone)
        return_bars(cursor, run, undone, planned, progress)
        run.row_count = run.updated_count = run.changed_count = sum(one.bars for one in planned)
        run.min_ts, run.max_ts = undone.min_ts, undone.max_ts
        progress.raise_if_cancelled()
        succeed_run(run)
    logger.info("Run %s undid the split of run %s: %s bars", run.pk, undone.pk, run.row_count)
    return UndoCounts(removed=0, changed_back=run.row_count, restored=0)


def count_returns(cursor: CursorWrapper, undone: IngestRun) -> UndoCounts:
    """What `undo_split` would do. Raises what it would raise."""
    bars = sum(one.bars for one in plan_returns(cursor, undone))
    return UndoCounts(removed=0, changed_back=bars, restored=0)
