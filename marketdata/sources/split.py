"""Decides which part of a range is read from the table, and which from a lake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from django.db import connection
from django.db.backends.utils import CursorWrapper

from marketdata.models import ArchivedYear
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.partitions.archived import list_archived
from marketdata.partitions.years import year_bounds
from marketdata.sources.errors import ArchivedBarsUnreadable
from marketdata.sources.lakes import iterate_tables, open_year

if TYPE_CHECKING:
    import pyarrow

T = TypeVar("T")
_ARCHIVED = "SELECT year, lake, bar_count, archived_at FROM market_archived_years ORDER BY year"


@dataclass(frozen=True)
class Piece:
    """A part of a range, [start, end) UTC, whose bars are in one place. `archived` is None for the table."""

    start: datetime
    end: datetime
    archived: ArchivedYear | None = None

    def iterate_tables(
        self, symbol: str, columns: Sequence[str], *, descending: bool = False
    ) -> Iterator[pyarrow.Table]:
        """The bars of an archived piece in tables that are not empty, in time order or the reverse; the rows of each
        are in time order. Raises `ArchivedBarsUnreadable`."""
        assert self.archived is not None
        return iterate_tables(
            self.archived, symbol, start=self.start, end=self.end, columns=columns, descending=descending
        )


class Sources:
    """Where bars are: the archived years at the time when this object was made. That costs one small query."""

    def __init__(self) -> None:
        self._archived = list_archived()

    def split(self, start: datetime | None, end: datetime | None, *, descending: bool = False) -> list[Piece]:
        """The pieces of [start, end), UTC, in time order or the reverse. None: without a bound."""
        position, stop = max(start or EARLIEST, EARLIEST), min(end or LATEST, LATEST)
        pieces: list[Piece] = []
        for archived in self._archived:
            first, last = year_bounds(archived.year)
            first, last = max(first, position), min(last, stop)
            if first < last:
                pieces += [Piece(position, first), Piece(first, last, archived)]
                position = last
        pieces = [piece for piece in [*pieces, Piece(position, stop)] if piece.start < piece.end]
        return pieces[::-1] if descending else pieces

    def find_archived(self, start: datetime | None, end: datetime | None) -> list[Piece]:
        """The archived pieces of [start, end), UTC."""
        return [piece for piece in self.split(start, end) if piece.archived]

    def require(self, start: datetime | None, end: datetime | None) -> None:
        """Raise `ArchivedBarsUnreadable` unless the lakes of all archived years of [start, end) have them."""
        for piece in self.find_archived(start, end):
            if piece.archived:
                open_year(piece.archived)

    def is_current(self, cursor: CursorWrapper | None = None) -> bool:
        """Whether no year was archived or restored meanwhile. One small query, by the cursor if there is one."""
        if cursor is None:
            with connection.cursor() as own:
                return self.is_current(own)
        cursor.execute(_ARCHIVED)
        known = [(one.year, one.lake, one.bar_count, one.archived_at) for one in self._archived]
        is_current: bool = cursor.fetchall() == known
        return is_current


def read_settled(read: Callable[[Sources], T]) -> T:
    """What `read` returns with sources that are still right after it.

    A year that is archived between the look at the archived years and the statement that reads the table would be
    missing from the answer.
    """
    while True:
        sources = Sources()
        try:
            found = read(sources)
        except ArchivedBarsUnreadable:
            if sources.is_current():
                raise
            continue
        if sources.is_current():
            return found
