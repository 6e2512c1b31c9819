"""Compares the bars of a file with those of a table, column by column. The hours of both may be equal where bars
differ."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from django.db.backends.utils import CursorWrapper

from marketdata.lake.columns import COLUMNS, make_schema, parse_bars
from marketdata.lake.export.blocks import read_ahead, read_blocks
from marketdata.lake.export.layout import PlannedFile
from marketdata.lake.manifest import LakeFile

if TYPE_CHECKING:
    import pyarrow
    from pyarrow.parquet import ParquetFile


def iterate_bars(file: ParquetFile) -> Iterator[pyarrow.Table]:
    """The row groups of a file with the columns of the table of bars."""
    for number in range(file.num_row_groups):
        yield file.read_row_group(number, columns=list(COLUMNS)).select(COLUMNS).cast(make_schema())


def compare_bars(
    cursor: CursorWrapper, file: LakeFile, opened: ParquetFile, *, table: str, advance: Callable[[int], None]
) -> Iterator[str]:
    """A sentence about the first bar that differs. `advance` is called with the number of rows compared since."""
    planned = [PlannedFile(file.dataset, file.year, file.symbols)]
    with contextlib.closing(read_ahead(read_blocks(cursor, planned, table=table))) as blocks:
        stored = _Rows(parse_bars(block) for _, block in blocks)
        found = _Rows(iterate_bars(opened))
        while count := min(stored.fill(), found.fill()):
            ours, theirs = stored.take(count), found.take(count)
            if not ours.equals(theirs):
                yield f"{file.path}: {_describe_first(ours, theirs)}"
                return
            advance(count)
        if stored.fill() or found.fill():
            only, where = (stored, table) if stored.fill() else (found, "the lake")
            yield f"{file.path}: {_name(only.take(1), 0)} is only in {where}."


class _Rows:
    """Rows of consecutive tables."""

    def __init__(self, tables: Iterator[pyarrow.Table]) -> None:
        self._tables = tables
        self._rest: pyarrow.Table = make_schema().empty_table()

    def fill(self) -> int:
        """How many rows can be read at once; 0 at the end."""
        while not len(self._rest) and (table := next(self._tables, None)) is not None:
            self._rest = table
        return len(self._rest)

    def take(self, count: int) -> pyarrow.Table:
        first, self._rest = self._rest.slice(0, count), self._rest.slice(count)
        return first


def _describe_first(stored: pyarrow.Table, found: pyarrow.Table) -> str:
    for row in range(len(stored)):
        names = [name for name in COLUMNS if stored[name][row] != found[name][row]]
        if names:
            return (
                f"{_name(stored, row)} has {names[0]} {found[names[0]][row]} in the lake, and "
                f"{stored[names[0]][row]} in the database."
            )
    return "its bars differ from those of the database."


def _name(table: pyarrow.Table, row: int) -> str:
    return f"the bar of {table['symbol'][row]} at {table['ts'][row].as_py():%Y-%m-%d %H:%M} UTC"
