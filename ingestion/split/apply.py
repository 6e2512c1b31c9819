"""Writes a split: bars, earlier values, instruments, series and the symbols of earlier runs, in one transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper

from ingestion.errors import MixedInstruments
from ingestion.loading.move import move_bars
from ingestion.loading.price_steps import store_moved_steps
from ingestion.progress import Progress
from ingestion.runs import read_closing_time
from ingestion.split.instruments import move_rows
from ingestion.split.moves import record_moves
from ingestion.split.occupied import OccupiedDates
from ingestion.split.plan import SeriesSplit, add_moves, draft_settlement
from ingestion.split.run_symbols import rename_in_runs
from ingestion.split.targets import create_targets, delete_emptied
from marketdata.models import IngestRun, Series
from marketdata.runs.commits import read_database_time


@dataclass(frozen=True)
class Settlement:
    """All bars of the series `symbol` are of one contract, `name`, which `columns` of its series describe."""

    symbol: str
    name: str
    columns: Mapping[str, object]


def settle_series(
    cursor: CursorWrapper, settlements: Sequence[Settlement], progress: Progress | None = None
) -> IngestRun | None:
    """Move the bars of series whose contract was not known to the series of their contract. Other contracts than those
    of the settlements are not looked for.

    The caller has a transaction, and the locks of all these series. Returns the run that records the moves, already
    `success`; None if there is nothing to move. `succeed_run` sets the time of its end again. Raises `MixedInstruments`
    where a target has bars on the same dates.
    """
    by_symbol = {series.symbol: series for series in Series.objects.filter(symbol__in=[s.symbol for s in settlements])}
    occupied = OccupiedDates(cursor)
    drafts = [
        draft_settlement(cursor, by_symbol[one.symbol], one.name, one.columns, occupied)
        for one in settlements
        if one.symbol in by_symbol and one.symbol != one.name
    ]
    splits = add_moves(drafts, occupied)
    if refused := next((split for split in splits if split.refusal), None):
        raise MixedInstruments(refused.refusal, symbol=refused.symbol)
    splits = [split for split in splits if split.moves]
    if not splits:
        return None
    run = build_run(splits)
    run.started_at = read_database_time()
    apply_splits(cursor, run, splits, progress or Progress())
    run.status, run.finished_at = IngestRun.Status.SUCCESS, read_closing_time(run)
    run.save(force_insert=True)
    return run


def build_run(splits: Sequence[SeriesSplit]) -> IngestRun:
    """The run of a split, not saved."""
    datasets = {split.series.dataset for split in splits}
    return IngestRun(
        kind=IngestRun.Kind.SPLIT,
        vendor=splits[0].series.vendor,
        vendor_dataset=datasets.pop() if len(datasets) == 1 else "",
        symbols=sorted(split.symbol for split in splits),
    )


def apply_splits(cursor: CursorWrapper, run: IngestRun, splits: Sequence[SeriesSplit], progress: Progress) -> None:
    """Write the moves, and record them in the run, which the caller closes.

    Needs the locks of all series, and a plan that was made under them.
    """
    created = create_targets(splits)
    progress.start_moving(sum(split.bars for split in splits))
    position = 0
    for split in splits:
        progress.step(f"Moving the bars of {split.symbol}")
        for move in split.moves:
            move_bars(
                cursor,
                source=move.source,
                target=move.target,
                start=move.start,
                end=move.end,
                expected=move.bars,
            )
            position += move.bars
            progress.advance_to(position)
            progress.raise_if_cancelled()
    progress.step("Storing which contracts the runs have written")
    names = {split.symbol for split in splits} | {target for split in splits for target in split.targets}
    series = {one.symbol: one for one in Series.objects.filter(symbol__in=names)}
    for split in splits:
        move_rows(split, series)
    gained = rename_in_runs(splits)
    delete_emptied(splits)
    store_moved_steps(cursor, names)
    joined = _find_joined(splits, created)
    run.moves = [move for split in splits for move in record_moves(split, new=created, joined=joined, runs=gained)]
    _fill_in(run, splits)


def _find_joined(splits: Sequence[SeriesSplit], created: set[str]) -> set[str]:
    """The targets that existed before, or have several sources."""
    counts = Counter(target for split in splits for target in split.targets)
    return {target for target, count in counts.items() if count > 1 or target not in created}


def _fill_in(run: IngestRun, splits: Sequence[SeriesSplit]) -> None:
    moves = [move for split in splits for move in split.moves]
    run.symbols = sorted({name for move in moves for name in (move.source, move.target)})
    run.row_count = run.updated_count = run.changed_count = sum(move.bars for move in moves)
    run.min_ts, run.max_ts = min(move.first for move in moves), max(move.last for move in moves)
