"""The moves of a split as its run records them, and what an undo needs to reverse them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from ingestion.split.plan import SeriesSplit
from marketdata.models import Series


@dataclass(frozen=True)
class RecordedMove:
    """One move of a split: `bars` bars of `source` got the symbol `target`, from `start` to the day before `end`.

    `is_new`: the split created the target. `runs` are the earlier runs that name the target because of the source; they
    are left out where all that name it do, since it is new and has one source. `series` has the former fields of the
    source if the split deleted it, and `no_raw_symbols` whether its rows of instruments had no raw symbol.
    """

    source: str
    target: str
    start: date
    end: date
    bars: int
    is_new: bool
    runs: list[int]
    series: dict[str, Any] | None
    no_raw_symbols: bool

    def serialize(self) -> dict[str, Any]:
        """The object in the run's column `moves`."""
        return {
            "from": self.source,
            "to": self.target,
            "start": self.start.isoformat(),
            "end": self.end.isoformat(),
            "bars": self.bars,
            "is_new": self.is_new,
            "runs": self.runs,
            "series": self.series,
            "no_raw_symbols": self.no_raw_symbols,
        }


def read_moves(moves: Iterable[dict[str, Any]]) -> list[RecordedMove]:
    """The moves that a run recorded."""
    return [
        RecordedMove(
            move["from"],
            move["to"],
            date.fromisoformat(move["start"]),
            date.fromisoformat(move["end"]),
            move["bars"],
            move["is_new"],
            move["runs"],
            move["series"],
            move["no_raw_symbols"],
        )
        for move in moves
    ]


def record_moves(
    split: SeriesSplit, *, new: set[str], joined: set[str], runs: Mapping[tuple[str, str], list[int]]
) -> list[dict[str, Any]]:
    """The moves of a series. `new`: series that the split created. `joined`: series with bars of other sources, too.
    `runs`: by source and target, see `RecordedMove`."""
    former = None if split.keeps_dates else dump_series(split.series)
    return [
        RecordedMove(
            move.source,
            move.target,
            move.start,
            move.end,
            move.bars,
            move.target in new,
            runs.get((move.source, move.target), []) if move.target in joined else [],
            former,
            not split.has_raw_symbols,
        ).serialize()
        for move in split.moves
    ]


def dump_series(series: Series) -> dict[str, Any]:
    """All fields of the row, as JSON has them."""
    return {field.attname: _to_json(getattr(series, field.attname)) for field in Series._meta.concrete_fields}


def load_series(fields: dict[str, Any]) -> Series:
    """The row again, not saved."""
    columns = {field.attname: field for field in Series._meta.concrete_fields}
    return Series(**{name: columns[name].to_python(value) for name, value in fields.items() if name in columns})


def _to_json(value: Any) -> Any:
    return str(value) if isinstance(value, (Decimal, date, datetime)) else value
