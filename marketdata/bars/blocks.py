"""Reads the blocks of an export: the next one while the one before is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.backends.utils import CursorWrapper

from marketdata.bars.prefetch import Submit, open_prefetch
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.sources.split import Piece, Sources

if TYPE_CHECKING:
    import pyarrow

EXPORT_ROWS = 8_192  # a block and its text are 2 MB; larger ones are hardly faster
_MINUTE = timedelta(minutes=1)

Bounds = dict[str, Any]  # `start`, `end`, and what else a statement needs
# The rows of a query with these bounds, as a table of the export's columns, read with the cursor.
ReadTable = Callable[[Bounds, CursorWrapper], "pyarrow.Table"]
# The tables of an archived piece of these bounds.
ReadArchived = Callable[[Piece, Bounds, Submit], "Iterator[pyarrow.Table]"]


def iterate_blocks(
    read: ReadTable, read_archived: ReadArchived, ranges: Iterable[Bounds], sources: Sources
) -> Iterator[pyarrow.Table]:
    """The rows of all ranges in blocks of `EXPORT_ROWS`, of which the last is shorter; an empty one if none."""
    with open_prefetch() as submit:
        found = False
        tables = (table for bounds in ranges for table in _iterate_range(read, read_archived, bounds, sources, submit))
        for table in _regroup(tables):
            found = True
            yield table
        if not found:
            yield submit(partial(read, {"start": LATEST, "end": EARLIEST, "edges": "{}"})).result()


def _iterate_range(
    read: ReadTable, read_archived: ReadArchived, bounds: Bounds, sources: Sources, submit: Submit
) -> Iterator[pyarrow.Table]:
    """A year that is archived or restored meanwhile is read from where it is then."""
    position, end = bounds["start"], bounds["end"]
    pieces = sources.split(position, end)
    while pieces:
        piece = pieces.pop(0)
        part = bounds | {"start": piece.start, "end": piece.end}
        if piece.archived:
            yield from read_archived(piece, part, submit)
            position = piece.end
            continue
        for table in iterate_statement(partial(_read_checked, read, sources), part, submit):
            if table is None:
                sources = Sources()
                pieces = sources.split(position, end)
                break
            yield table
            position = find_last_minute(table) + _MINUTE


def _read_checked(read: ReadTable, sources: Sources, bounds: Bounds, cursor: CursorWrapper) -> pyarrow.Table | None:
    """None if a year was archived or restored meanwhile."""
    table = read(bounds, cursor)
    return table if sources.is_current(cursor) else None


def iterate_statement(
    read: Callable[[Bounds, CursorWrapper], pyarrow.Table | None], bounds: Bounds, submit: Submit
) -> Iterator[pyarrow.Table | None]:
    """The blocks of one statement, each of which begins where the one before ended, to the end or a None."""
    future = submit(partial(read, bounds))
    while (table := future.result()) is not None:
        is_last = len(table) < EXPORT_ROWS
        if not is_last:
            future = submit(partial(read, bounds | {"start": find_last_minute(table) + _MINUTE}))
        if len(table):
            yield table
        if is_last:
            return
    yield None


def find_last_minute(table: pyarrow.Table) -> datetime:
    last: datetime = table["ts"][-1].as_py()
    return last.astimezone(UTC)


def _regroup(tables: Iterable[pyarrow.Table]) -> Iterator[pyarrow.Table]:
    """Blocks of the same size, wherever the rows come from: files do not depend on which years are archived."""
    import pyarrow

    waiting: list[pyarrow.Table] = []
    count = 0
    for table in tables:
        waiting.append(table)
        count += len(table)
        if count < EXPORT_ROWS:
            continue
        joined = pyarrow.concat_tables(waiting)
        stop = count - count % EXPORT_ROWS
        for offset in range(0, stop, EXPORT_ROWS):
            yield _combine(joined.slice(offset, EXPORT_ROWS))
        waiting, count = [joined.slice(stop)] if stop < count else [], count - stop
    if count:
        yield _combine(pyarrow.concat_tables(waiting))


def _combine(table: pyarrow.Table) -> pyarrow.Table:
    """The rows in one array for each column: Arrow's stream has a message for each array."""
    return table.combine_chunks()
