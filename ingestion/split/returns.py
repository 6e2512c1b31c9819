"""What an undo of a split moves back: for each series that got bars, which of its dates return to which series."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date

from ingestion.split.moves import RecordedMove
from marketdata.models import SeriesInstrument


@dataclass(frozen=True)
class Return:
    """Bars of `target` return to `source`: from `start` to the day before `end` (UTC dates; None: without a bound).

    `is_new`: the split created the target. Otherwise rows of instruments return if they are of `runs`, the earlier runs
    that wrote to the source. `moved` are the dates of the moves.
    """

    source: str
    target: str
    start: date | None
    end: date | None
    is_new: bool
    moved: tuple[date, date]
    runs: frozenset[int]
    without_raw_symbols: bool

    def includes(self, row: SeriesInstrument) -> bool:
        """Whether the row of instruments moved with these bars."""
        if not self.is_new:
            return row.run_id in self.runs
        return (self.start is None or row.start_date >= self.start) and (self.end is None or row.start_date < self.end)


def list_returns(moves: Iterable[RecordedMove]) -> list[Return]:
    """The returns of all moves of a split.

    What a split moved to a series of its own returns with all that the series has got since, on any date: values of
    runs that were undone, for example. Of a series that existed before, only the dates of the moves return.
    """
    by_target: dict[str, list[RecordedMove]] = {}
    for move in sorted(moves, key=lambda move: move.start):
        by_target.setdefault(move.target, []).append(move)
    return [one for own in by_target.values() for one in (_divide(own) if own[0].is_new else _repeat(own))]


def _repeat(moves: list[RecordedMove]) -> Iterator[Return]:
    for move in moves:
        dates, runs = (move.start, move.end), frozenset(move.runs)
        yield Return(move.source, move.target, *dates, False, dates, runs, move.no_raw_symbols)


def _divide(moves: list[RecordedMove]) -> Iterator[Return]:
    """All dates of the target, each with the source of the last move that starts before it."""
    groups = [list(group) for _, group in itertools.groupby(moves, lambda move: move.source)]
    starts = [None, *(group[0].start for group in groups[1:])]
    for group, start, end in zip(groups, starts, [*starts[1:], None], strict=True):
        move, dates = group[0], (group[0].start, group[-1].end)
        yield Return(move.source, move.target, start, end, True, dates, frozenset(), move.no_raw_symbols)
