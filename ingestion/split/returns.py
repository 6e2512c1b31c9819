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

    `is_new`: the split created the target. Otherwise rows of instruments return if they are within `hull`, the first
    date that moved from the source, and the day after the last.
    """

    source: str
    target: str
    start: date | None
    end: date | None
    is_new: bool
    hull: tuple[date, date]
    without_raw_symbols: bool

    def includes(self, row: SeriesInstrument) -> bool:
        """Whether the row of instruments moved with these bars."""
        if self.is_new:
            return (self.start is None or row.start_date >= self.start) and (
                self.end is None or row.start_date < self.end
            )
        return self.hull[0] <= row.start_date and row.end_date <= self.hull[1]


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
        same = [one for one in moves if one.source == move.source]
        hull = same[0].start, same[-1].end
        yield Return(move.source, move.target, move.start, move.end, False, hull, move.no_raw_symbols)


def _divide(moves: list[RecordedMove]) -> Iterator[Return]:
    """All dates of the target, each with the source of the last move that starts before it."""
    groups = [list(group) for _, group in itertools.groupby(moves, lambda move: move.source)]
    starts = [None, *(group[0].start for group in groups[1:])]
    for group, start, end in zip(groups, starts, [*starts[1:], None], strict=True):
        move = group[0]
        yield Return(move.source, move.target, start, end, True, (move.start, group[-1].end), move.no_raw_symbols)
