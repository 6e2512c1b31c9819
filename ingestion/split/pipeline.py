"""Splits series into their contracts. `split_contracts` is the table of contents.

A split is a run of its own in the audit trail: its row is committed first, and it is closed as `success` in the
transaction of its changes.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from ingestion.database import lift_time_limits, require_database, translate_database_errors
from ingestion.loading.locks import lock_series
from ingestion.loading.move import Move, find_moved_bars
from ingestion.progress import Progress
from ingestion.runs import close_on_failure, open_run, read_closing_time, succeed_run
from ingestion.split.apply import apply_moves
from ingestion.split.plan import PlannedMove, find_requested_series, plan_split, refuse_shared_minute
from ingestion.symbology.contracts import FileInstrument
from marketdata.models import IngestRun, Series
from marketdata.runs.locks import close_orphaned_runs

logger = logging.getLogger(__name__)

IN_DOUBT = (
    "The connection to the database was lost while the split was committed, so it is not known whether it was made: "
    "run the command again when the server is back; it reports if nothing is left to split."
)
_IN_ERRORS = {"what": "split", "outcome": "nothing was changed"}
_MAX_NAME = 255


@dataclass(frozen=True)
class SplitResult:
    """What a split moved. `run` is its run, `success` and committed; None if there was nothing to move."""

    run: IngestRun | None
    moves: tuple[PlannedMove, ...]


def split_contracts(*, slugs: Iterable[str] = (), progress: Progress | None = None) -> SplitResult:
    """Give each contract of these series, of all series without slugs, a series of its own.

    Raises an `IngestError` whose message is for the user. Must not be called within a transaction.
    """
    progress = progress or Progress()
    with translate_database_errors(progress, **_IN_ERRORS):
        progress.raise_if_cancelled()
        require_database()
        close_orphaned_runs()
        planned = _plan_all(find_requested_series(slugs), progress)
        if not planned:
            return SplitResult(None, ())
        run = _new_run(planned)
        open_run(run)
    with (
        close_on_failure(run, in_doubt=IN_DOUBT),
        translate_database_errors(progress, **_IN_ERRORS),
        transaction.atomic(durable=True),
        connection.cursor() as cursor,
    ):
        lift_time_limits(cursor)
        progress.step("Waiting for other writers of these series")
        lock_series(cursor, run.symbols)
        planned = _plan_all([Series.objects.get(pk=pk) for pk in _list_series(planned)], progress)
        run.moves = _apply_all(cursor, planned, progress)
        _fill_in(run, planned)
        progress.raise_if_cancelled()
        succeed_run(run)
    logger.info("Run %s split %s series: %s bars", run.pk, len(_list_series(planned)), run.row_count)
    return SplitResult(run, tuple(planned))


def preview_split(*, slugs: Iterable[str] = (), progress: Progress | None = None) -> SplitResult:
    """Find what `split_contracts` would move, and change nothing."""
    progress = progress or Progress()
    with translate_database_errors(progress, **_IN_ERRORS):
        progress.raise_if_cancelled()
        require_database()
        return SplitResult(None, tuple(_plan_all(find_requested_series(slugs), progress)))


def settle_stored_series(
    cursor: CursorWrapper, instruments: Iterable[FileInstrument], columns_by_symbol: Mapping[str, dict[str, object]]
) -> None:
    """Rename the stored series whose contracts a file settles, in the transaction of its load."""
    for instrument in instruments:
        for source in instrument.moved_from:
            settle_series(cursor, source=source, target=instrument.symbol, columns=columns_by_symbol[instrument.symbol])


def settle_series(cursor: CursorWrapper, *, source: str, target: str, columns: dict[str, object]) -> IngestRun | None:
    """Give a series whose year is settled now its name, in the transaction of the load that settles it.

    The caller has the locks of both series. Returns the split's run, None if the series has nothing to move.
    """
    series = Series.objects.filter(symbol=source).first()
    if series is None:
        return None
    move = Move(source, target)
    refuse_shared_minute(cursor, move)
    planned = [PlannedMove(series, move, find_moved_bars(cursor, move), columns)]
    run = _new_run(planned)
    run.started_at = _read_time(cursor)
    run.moves = apply_moves(cursor, planned)
    _fill_in(run, planned)
    run.status, run.finished_at = IngestRun.Status.SUCCESS, read_closing_time(run)
    run.save(force_insert=True)
    return run


def _plan_all(series: list[Series], progress: Progress) -> list[PlannedMove]:
    planned = []
    with connection.cursor() as cursor:
        for one in series:
            progress.raise_if_cancelled()
            planned += plan_split(cursor, one)
    return planned


def _apply_all(cursor: CursorWrapper, planned: list[PlannedMove], progress: Progress) -> list[dict[str, Any]]:
    records = []
    for _, moves in groupby(planned, key=lambda one: one.series.pk):
        group = list(moves)
        progress.step(f"Splitting {group[0].series.slug}")
        progress.raise_if_cancelled()
        records += apply_moves(cursor, group)
    return records


def _new_run(planned: list[PlannedMove]) -> IngestRun:
    sources = sorted({one.move.source for one in planned})
    more = f" and {len(sources) - 1:,} more" if len(sources) > 1 else ""
    return IngestRun(
        kind=IngestRun.Kind.SPLIT,
        vendor_dataset=planned[0].series.dataset,
        symbols=sorted({*sources, *(one.move.target for one in planned)}),
        file_name=f"{sources[0]}{more}"[:_MAX_NAME],
    )


def _fill_in(run: IngestRun, planned: list[PlannedMove]) -> None:
    run.row_count = run.updated_count = run.changed_count = sum(move["bars"] for move in run.moves or [])
    firsts = [one.bars.first for one in planned if one.bars.first]
    lasts = [one.bars.last for one in planned if one.bars.last]
    now: datetime = run.started_at
    run.min_ts, run.max_ts = min(firsts, default=now), max(lasts, default=now)


def _list_series(planned: list[PlannedMove]) -> list[int]:
    return list(dict.fromkeys(one.series.pk for one in planned))


def _read_time(cursor: CursorWrapper) -> datetime:
    cursor.execute("SELECT clock_timestamp()")
    now: datetime = cursor.fetchone()[0]
    return now
