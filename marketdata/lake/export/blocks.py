"""Reads the bars of planned files from PostgreSQL, in the order of the primary key, a block ahead of their use.

PostgreSQL writes its text of the stored columns, as for other exports: Arrow parses it faster than anything that has a
Python object for each row.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from marketdata.lake.columns import SELECT, TABLE, Block
from marketdata.lake.export.layout import PlannedFile
from marketdata.partitions.years import year_bounds
from marketdata.timestamps import from_seconds

BLOCK_ROWS = 65_536  # their text has 7 MB
_MINUTE = timedelta(minutes=1)
_CREATED_AT = 7  # the number of its field in a line
_ONE = sql.SQL(f"""
COPY (
    {SELECT} FROM {{table}}
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s ORDER BY symbol, ts LIMIT %(limit)s
) TO STDOUT (FORMAT CSV)
""")
_SEVERAL = sql.SQL(f"""
COPY (
    {SELECT}, symbol FROM {{table}}
    WHERE symbol = ANY (%(symbols)s::varchar[] COLLATE "C") AND ts >= %(start)s AND ts < %(end)s ORDER BY symbol, ts
) TO STDOUT (FORMAT CSV)
""")
# After a first load the statistics may still say that the table is empty.
_ONLY_BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"

Item = TypeVar("Item")


def read_ahead(items: Iterator[Item]) -> Generator[Item]:
    """The items, each of which is computed in a thread while the one before is used."""
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(next, items, None)
        while (item := future.result()) is not None:
            future = executor.submit(next, items, None)
            yield item


def read_blocks(cursor: CursorWrapper, files: list[PlannedFile], *, table: str = TABLE) -> Iterator[tuple[int, Block]]:
    """The blocks of all files, each with the number of its file, of up to `BLOCK_ROWS` rows.

    `table`: another one with these columns and this key, such as that of an archived year.
    """
    cursor.execute(_ONLY_BY_KEY)
    reader = _Reader(cursor, table)
    for number, file in enumerate(files):
        for symbols in _group(file):
            found = (
                reader.read_one(symbols[0], file.year) if len(symbols) == 1 else reader.read_several(symbols, file.year)
            )
            yield from ((number, block) for block in found)


def _group(file: PlannedFile) -> Iterator[list[str]]:
    """The symbols of a file in groups that fit into a block, or of one symbol."""
    group: list[str] = []
    rows = 0
    for symbol, part in file.symbols.items():
        if group and rows + part.rows > BLOCK_ROWS:
            yield group
            group, rows = [], 0
        group.append(symbol)
        rows += part.rows
    yield group


class _Reader:
    def __init__(self, cursor: CursorWrapper, table: str) -> None:
        self._cursor = cursor
        self._table = sql.Identifier(table)
        self._created_at = "1970-01-01 00:00:00+00"  # of the bar that was read last

    def read_one(self, symbol: str, year: int) -> Iterator[Block]:
        start, end = year_bounds(year)
        while True:
            block = self._copy(_ONE, symbol, {"symbol": symbol, "start": start, "end": end, "limit": BLOCK_ROWS})
            if block.lines:
                yield block
            if block.lines.count(b"\n") < BLOCK_ROWS:
                return
            last = block.lines[block.lines.rfind(b"\n", 0, -1) + 1 :].split(b",")
            start = from_seconds(int(last[0]) // 1000) + _MINUTE
            self._created_at = last[_CREATED_AT].decode() or self._created_at

    def read_several(self, symbols: list[str], year: int) -> Iterator[Block]:
        start, end = year_bounds(year)
        block = self._copy(_SEVERAL, None, {"symbols": symbols, "start": start, "end": end})
        if block.lines:
            yield block
            self._created_at = block.lines.split(b",", _CREATED_AT + 1)[_CREATED_AT].decode() or self._created_at

    def _copy(self, statement: sql.SQL, symbol: str | None, values: dict) -> Block:
        out = io.BytesIO()
        created_at = self._created_at
        filled = statement.format(table=self._table)
        with self._cursor.db.wrap_database_errors:
            self._cursor.copy_expert(self._cursor.mogrify(filled, values | {"created_at": created_at}).decode(), out)
        return Block(out.getvalue(), symbol, created_at)
