"""Reads the bars of planned files from PostgreSQL, in the order of the primary key, a block ahead of their use.

PostgreSQL writes its text of the stored columns, as for other exports: Arrow parses it faster than anything that has a
Python object for each row.
"""

from __future__ import annotations

import io
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple, TypeVar

from django.db.backends.utils import CursorWrapper

from marketdata.lake.columns import SELECT
from marketdata.lake.contents import find_year
from marketdata.lake.export.layout import PlannedFile
from marketdata.timestamps import from_seconds

BLOCK_ROWS = 65_536  # their text has 7 MB
_MINUTE = timedelta(minutes=1)
_ONE = f"""
COPY (
    {SELECT} FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s ORDER BY symbol, ts LIMIT %(limit)s
) TO STDOUT (FORMAT CSV)
"""
_SEVERAL = f"""
COPY (
    {SELECT}, symbol FROM market_bars_ohlcv_1m
    WHERE symbol = ANY (%(symbols)s::varchar[] COLLATE "C") AND ts >= %(start)s AND ts < %(end)s ORDER BY symbol, ts
) TO STDOUT (FORMAT CSV)
"""
# After a first load the statistics may still say that the table is empty.
_ONLY_BY_KEY = "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off"

Item = TypeVar("Item")


class Block(NamedTuple):
    """CSV lines of bars; `symbol` is None if they are of several."""

    lines: bytes
    symbol: str | None


def read_ahead(items: Iterator[Item]) -> Generator[Item]:
    """The items, each of which is computed in a thread while the one before is used."""
    with ThreadPoolExecutor(1) as executor:
        future = executor.submit(next, items, None)
        while (item := future.result()) is not None:
            future = executor.submit(next, items, None)
            yield item


def read_blocks(cursor: CursorWrapper, files: list[PlannedFile]) -> Iterator[tuple[int, Block]]:
    """The blocks of all files, each with the number of its file, of up to `BLOCK_ROWS` rows."""
    cursor.execute(_ONLY_BY_KEY)
    for number, file in enumerate(files):
        for symbols in _group(file):
            found = (
                _read_one(cursor, symbols[0], file.year) if len(symbols) == 1 else _read_several(cursor, symbols, file)
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


def _read_one(cursor: CursorWrapper, symbol: str, year: int) -> Iterator[Block]:
    start, end = find_year(year)
    while True:
        values = {"symbol": symbol, "start": start, "end": end, "limit": BLOCK_ROWS}
        lines = _copy(cursor, _ONE, values)
        if lines:
            yield Block(lines, symbol)
        if lines.count(b"\n") < BLOCK_ROWS:
            return
        last = lines[lines.rfind(b"\n", 0, -1) + 1 :]
        start = from_seconds(int(last[: last.index(b",")]) // 1000) + _MINUTE


def _read_several(cursor: CursorWrapper, symbols: list[str], file: PlannedFile) -> Iterator[Block]:
    start, end = find_year(file.year)
    lines = _copy(cursor, _SEVERAL, {"symbols": symbols, "start": start, "end": end})
    if lines:
        yield Block(lines, None)


def _copy(cursor: CursorWrapper, statement: str, values: dict) -> bytes:
    out = io.BytesIO()
    with cursor.db.wrap_database_errors:
        cursor.copy_expert(cursor.mogrify(statement, values).decode(), out)
    return out.getvalue()
