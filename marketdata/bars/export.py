"""Bars of a range as Arrow tables, in blocks.

PostgreSQL writes the stored columns as text, which is the fastest of its formats for exact decimals, and Arrow parses
them. The next block is read while the one before is sent.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from marketdata.bars.prefetch import open_prefetch
from marketdata.bars.query import list_edges
from marketdata.bars.regular_hours import IS_REGULAR
from marketdata.bars.tables import PRICES, make_price_type
from marketdata.calendars.hours import Hours
from marketdata.models import Series
from marketdata.models.bar import EARLIEST, LATEST

if TYPE_CHECKING:
    import pyarrow

EXPORT_COLUMNS = ("symbol", "ts", *PRICES, "volume", "run_id")
EXPORT_ROWS = 8_192  # a block and its text are 2 MB; larger ones are hardly faster
_MINUTE = timedelta(minutes=1)
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

# The rows of a query with these parameters, as a table of `EXPORT_COLUMNS`, read with the cursor.
ReadTable = Callable[[dict[str, Any], CursorWrapper], "pyarrow.Table"]


def export_blocks(
    series: Series,
    *,
    start: datetime | None,
    end: datetime | None,
    hours: Hours = Hours.ALL,
    prices_as_text: bool = False,
) -> Iterator[pyarrow.Table]:
    """The bars of [start, end) as tables of `EXPORT_COLUMNS`, in time order; an empty one if there is none.

    `ts` is in UTC. Prices are decimal128(20, 9), or text without trailing zeros. A block has up to `EXPORT_ROWS` rows,
    so memory stays constant for any range. Each block is a statement of its own: one statement for the range would keep
    its transaction open while a slow client reads.
    """
    bounds: dict[str, Any] = {"start": max(start or EARLIEST, EARLIEST), "end": min(end or LATEST, LATEST)}
    if hours is Hours.REGULAR:
        bounds["edges"] = list_edges(series, start, end)
    query = _REGULAR_BARS if hours is Hours.REGULAR else _BARS
    yield from iterate_blocks(prepare_reader(query, series, prices_as_text=prices_as_text), [bounds])


def iterate_blocks(read: ReadTable, ranges: list[dict[str, Any]]) -> Iterator[pyarrow.Table]:
    """The rows of all ranges in blocks, each of which is read while the one before is used; an empty one if none."""
    found = False
    with open_prefetch() as submit:
        for bounds in ranges:
            future = submit(partial(read, bounds))
            while len(table := future.result()):
                is_last = len(table) < EXPORT_ROWS
                if not is_last:
                    future = submit(partial(read, bounds | {"start": find_last_minute(table) + _MINUTE}))
                found = True
                yield table
                if is_last:
                    break
        if not found:
            yield submit(partial(read, {"start": LATEST, "end": EARLIEST, "edges": "{}"})).result()


def prepare_reader(query: sql.Composable, series: Series, *, prices_as_text: bool, **parameters: Any) -> ReadTable:
    """Reads blocks of a query by COPY, in any thread."""
    copy = _COPY.format(query=query)

    def read(bounds: dict[str, Any], cursor: CursorWrapper) -> pyarrow.Table:
        out = io.BytesIO()
        values = {"symbol": series.symbol, "limit": EXPORT_ROWS} | parameters | bounds
        with cursor.db.wrap_database_errors:
            cursor.copy_expert(cursor.mogrify(copy, values).decode(), out)
        return _parse(out.getbuffer(), series.symbol, prices_as_text)

    return read


def find_last_minute(table: pyarrow.Table) -> datetime:
    last: datetime = table["ts"][-1].as_py()
    return last.astimezone(UTC)


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
