"""Undoing a split: everything moves back, and the series has its former fields again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time

from django.db.backends.utils import CursorWrapper
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from ingestion.errors import InputError
from ingestion.loading.move import count_bars, move_bars
from ingestion.loading.partitions import describe_archived
from ingestion.loading.price_steps import store_moved_steps
from ingestion.progress import Progress
from ingestion.split.instruments import return_rows
from ingestion.split.moves import RecordedMove, read_moves
from ingestion.split.returns import Return, list_returns
from ingestion.split.run_symbols import restore_in_runs
from ingestion.split.targets import delete_unused, restore_series
from marketdata.formatting import format_list
from marketdata.models import Bar, IngestRun, Series, SeriesInstrument


@dataclass(frozen=True)
class ReturnedBars:
    """A return, and how many bars it moves back."""

    dates: Return
    bars: int


def list_series(undone: IngestRun) -> list[str]:
    """The symbols of all series that an undo of the split writes: acquire their locks first."""
    moves = read_moves(undone.moves or [])
    return sorted({symbol for move in moves for symbol in (move.source, move.target)})


def plan_returns(cursor: CursorWrapper, undone: IngestRun) -> list[ReturnedBars]:
    """What an undo of the split moves back. Raises `InputError` where later runs prevent it."""
    moves = read_moves(undone.moves or [])
    refuse_later_runs(undone)
    if reason := describe_archived(list_series(undone)):
        raise InputError(f"Run {undone.pk} cannot be undone: {reason}")
    _refuse_occupied_dates(undone, moves)
    return [ReturnedBars(one, count_bars(cursor, one.target, one.start, one.end)) for one in list_returns(moves)]


def return_bars(
    cursor: CursorWrapper, run: IngestRun, undone: IngestRun, planned: Sequence[ReturnedBars], progress: Progress
) -> None:
    """Move everything back, and record the moves in the undo's run. Needs the locks of all series."""
    moves = read_moves(undone.moves or [])
    sources = _restore_sources(moves)
    progress.start_moving(sum(one.bars for one in planned))
    position = 0
    for one in planned:
        dates = one.dates
        progress.step(f"Moving back the bars of {dates.target}")
        move_bars(
            cursor,
            source=dates.target,
            target=dates.source,
            start=dates.start,
            end=dates.end,
            expected=one.bars,
        )
        position += one.bars
        progress.advance_to(position)
        progress.raise_if_cancelled()
    returns = [one.dates for one in planned]
    return_rows(returns, sources)
    restore_in_runs(undone.pk, moves, returns)
    store_moved_steps(cursor, {name for move in moves for name in (move.source, move.target)})
    delete_unused({move.target for move in moves if move.is_new})
    run.moves = [_serialize(one) for one in planned]


def _restore_sources(moves: list[RecordedMove]) -> dict[str, Series]:
    deleted = {move.source: move.series for move in moves if move.series is not None}
    stored = Series.objects.filter(symbol__in={move.source for move in moves})
    return {series.symbol: series for series in stored} | {
        symbol: restore_series(fields) for symbol, fields in deleted.items()
    }


def refuse_later_runs(undone: IngestRun) -> None:
    """Raise `InputError` if later runs have written to the series to which the split moved bars."""
    later = _find_later_runs(undone, {move.target for move in read_moves(undone.moves or [])})
    names = [f"run {run.pk} ({run.file_name or run.kind})" for run in later]
    if names:
        raise InputError(
            f"Run {undone.pk} cannot be undone while later runs have bars in its series: undo these runs first: "
            f"{format_list(names, limit=10)}."
        )


def _find_later_runs(undone: IngestRun, targets: set[str]) -> QuerySet[IngestRun]:
    """The runs that wrote to these series after the split, newest first. Those that were completely undone do not
    count; nor do undos, which cannot be undone: what they changed moves back with the rest."""
    undos = IngestRun.objects.filter(undoes=OuterRef("pk"), status=IngestRun.Status.SUCCESS, left_count=0)
    rows = SeriesInstrument.objects.filter(run=OuterRef("pk"), series__symbol__in=targets, from_mapping=False)
    wrote = Q(inserted_count__gt=0) | Q(changed_count__gt=0) | Q(removed_count__gt=0) | Q(kind=IngestRun.Kind.SPLIT)
    return IngestRun.objects.filter(
        wrote | Exists(rows),
        ~Exists(undos),
        status=IngestRun.Status.SUCCESS,
        undoes__isnull=True,
        finished_at__gt=undone.finished_at,
        symbols__overlap=sorted(targets),
    ).order_by(F("finished_at").desc())


def _refuse_occupied_dates(undone: IngestRun, moves: list[RecordedMove]) -> None:
    for move, run_id in _find_occupied_dates(moves):
        raise InputError(
            f"Run {undone.pk} cannot be undone, since the series {move.source} has bars of run {run_id} on dates from "
            f"{move.start} on, which the undo would move back: undo run {run_id} first."
        )


def _find_occupied_dates(moves: list[RecordedMove]) -> Iterator[tuple[RecordedMove, int]]:
    """Moves whose dates have bars of the source again, with a run that wrote them."""
    for move in moves:
        start, end = (datetime.combine(day, time(), UTC) for day in (move.start, move.end))
        bars = Bar.objects.filter(symbol=move.source, ts__gte=start, ts__lt=end)
        run_id = bars.order_by("ts").values_list("ingestion_run_id", flat=True).first()
        if run_id is not None:
            yield move, run_id


def _serialize(one: ReturnedBars) -> dict[str, object]:
    dates = one.dates
    return {
        "from": dates.target,
        "to": dates.source,
        "start": dates.moved[0].isoformat(),
        "end": dates.moved[1].isoformat(),
        "bars": one.bars,
    }
