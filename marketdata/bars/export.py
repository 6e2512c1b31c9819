"""Bars of a range as Arrow tables, in blocks.

PostgreSQL writes the stored columns as text, which is the fastest of its formats for exact decimals, and Arrow parses
them. The next block is read while the one before is sent.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from marketdata.bars import blocks
from marketdata.bars.archived import EXPORT_COLUMNS, ROW_COLUMNS, select_regular, to_export
from marketdata.bars.blocks import Bounds, ReadTable, iterate_blocks
from marketdata.bars.prefetch import Submit, iterate_prefetched
from marketdata.bars.query import list_edges
from marketdata.bars.regular_hours import IS_REGULAR
from marketdata.bars.tables import PRICES, make_price_type
from marketdata.calendars.hours import Hours
from marketdata.models import Series
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.sources.split import Piece, Sources

if TYPE_CHECKING:
    import pyarrow

__all__ = ["EXPORT_COLUMNS", "export_blocks", "prepare_reader"]

_LAKE_COLUMNS = ("symbol", *ROW_COLUMNS)
_STORED_COLUMNS = ("ts_ms", *PRICES, "volume", "run_id")

_SELECT = """
SELECT ts_ms, trim_scale(open), trim_scale(high), trim_scale(low), trim_scale(close), volume, ingestion_run_id
FROM market_bars_ohlcv_1m
WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s
"""
_LIMIT = " ORDER BY symbol, ts LIMIT %(limit)s"
_BARS = sql.SQL(_SELECT + _LIMIT)
_REGULAR_BARS = sql.SQL(_SELECT + "AND " + IS_REGULAR.replace("%s", "%(edges)s") + _LIMIT)
_COPY = sql.SQL("COPY ({query}) TO STDOUT (FORMAT CSV)")


def export_blocks(
    series: Series,
    *,
    start: datetime | None,
    end: datetime | None,
    hours: Hours = Hours.ALL,
    prices_as_text: bool = False,
) -> Iterator[pyarrow.Table]:
    """The bars of [start, end) as tables of `EXPORT_COLUMNS`, in time order; an empty one if there is none.

    `ts` is in UTC. Prices are decimal128(20, 9), or text without trailing zeros. A block has `EXPORT_ROWS` rows, except
    the last, so memory stays constant for any range. Each block is a statement of its own: one statement for the range
    would keep its transaction open while a slow client reads.

    Raises `ArchivedBarsUnreadable` if a lake cannot be read: at once, or with a later block.
    """
    sources = Sources()
    sources.require(start, end)
    bounds: Bounds = {"start": max(start or EARLIEST, EARLIEST), "end": min(end or LATEST, LATEST)}
    return _iterate(series, bounds, sources, hours=hours, prices_as_text=prices_as_text)


def _iterate(
    series: Series, bounds: Bounds, sources: Sources, *, hours: Hours, prices_as_text: bool
) -> Iterator[pyarrow.Table]:
    edges = list_edges(series, bounds["start"], bounds["end"]) if hours is Hours.REGULAR else None
    query = _BARS if edges is None else _REGULAR_BARS
    read = prepare_reader(query, series, prices_as_text=prices_as_text, edges=edges)
    convert = partial(_convert, edges=edges, prices_as_text=prices_as_text)

    def read_archived(piece: Piece, part: Bounds, submit: Submit) -> Iterator[pyarrow.Table]:
        return iterate_prefetched(map(convert, _slice(piece.iterate_tables(series.symbol, _LAKE_COLUMNS))), submit)

    return iterate_blocks(read, read_archived, [bounds], sources)


def _slice(tables: Iterator[pyarrow.Table]) -> Iterator[pyarrow.Table]:
    for table in tables:
        for offset in range(0, len(table), blocks.EXPORT_ROWS):
            yield table.slice(offset, blocks.EXPORT_ROWS)


def _convert(table: pyarrow.Table, *, edges: str | None, prices_as_text: bool) -> pyarrow.Table:
    return to_export(select_regular(table, edges), prices_as_text=prices_as_text)


def prepare_reader(query: sql.Composable, series: Series, *, prices_as_text: bool, **parameters: Any) -> ReadTable:
    """Reads blocks of a query by COPY, in any thread."""
    copy = _COPY.format(query=query)

    def read(bounds: dict[str, Any], cursor: CursorWrapper) -> pyarrow.Table:
        out = io.BytesIO()
        values = {"symbol": series.symbol, "limit": blocks.EXPORT_ROWS} | parameters | bounds
        with cursor.db.wrap_database_errors:
            cursor.copy_expert(cursor.mogrify(copy, values).decode(), out)
        return _parse(out.getbuffer(), series.symbol, prices_as_text)

    return read


def _parse(lines: memoryview, symbol: str, prices_as_text: bool) -> pyarrow.Table:
    """The table of the lines that PostgreSQL wrote."""
    import pyarrow
    from pyarrow import csv

    types = dict.fromkeys(PRICES, make_price_type(as_text=prices_as_text)) | {
        "ts_ms": pyarrow.int64(),
        "volume": pyarrow.uint64(),
        "run_id": pyarrow.int64(),
    }
    if not lines:
        stored = pyarrow.table({name: pyarrow.array([], types[name]) for name in _STORED_COLUMNS})
    else:
        stored = csv.read_csv(
            pyarrow.BufferReader(pyarrow.py_buffer(lines)),
            read_options=csv.ReadOptions(column_names=_STORED_COLUMNS, use_threads=False, block_size=len(lines)),
            convert_options=csv.ConvertOptions(column_types=types),
        )
    ts = stored["ts_ms"].cast(pyarrow.timestamp("ms", tz="UTC")).cast(pyarrow.timestamp("us", tz="UTC"))
    symbols = pyarrow.chunked_array([pyarrow.repeat(pyarrow.scalar(symbol), len(stored))])
    return pyarrow.table([symbols, ts, *stored.columns[1:]], EXPORT_COLUMNS)
