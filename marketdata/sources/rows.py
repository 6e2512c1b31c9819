"""Archived bars as the rows of an SQL statement, so that it computes with them as with the table's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from psycopg2 import sql

from marketdata.lake.columns import PRICES, make_schema
from marketdata.sources.split import Piece
from marketdata.timestamps import from_seconds

if TYPE_CHECKING:
    import pyarrow

COLUMNS = ("ts_ms", *PRICES, "volume", "ingestion_run_id", "created_at")
_MINUTE = timedelta(minutes=1)

# Parameters are those of `Window.parameters`, and `symbol`. Arrays are parameters of a query that only reads, which a
# read replica and a role without rights to create tables allow; a temporary table is not.
ARCHIVED_BARS = sql.SQL("""
SELECT %(symbol)s::varchar COLLATE "C" AS symbol, to_timestamp(ts_ms / 1000) AS ts, open, high, low, close, volume,
    ingestion_run_id, created_at
FROM unnest(
    %(archived_ts_ms)s::bigint[], %(archived_open)s::numeric[], %(archived_high)s::numeric[],
    %(archived_low)s::numeric[], %(archived_close)s::numeric[], %(archived_volume)s::numeric[],
    %(archived_ingestion_run_id)s::bigint[], %(archived_created_at)s::timestamptz[]
) AS archived (ts_ms, open, high, low, close, volume, ingestion_run_id, created_at)
""")


class Window(NamedTuple):
    """All archived bars of a symbol in [start, end), UTC."""

    start: datetime
    end: datetime
    bars: pyarrow.Table

    @property
    def parameters(self) -> dict[str, Any]:
        """`start`, `end`, and the arrays of `ARCHIVED_BARS`."""
        arrays = {f"archived_{name}": write_array(self.bars[name]) for name in COLUMNS}
        return {"start": self.start, "end": self.end} | arrays


def iterate_windows(piece: Piece, symbol: str, *, rows: int, descending: bool = False) -> Iterator[Window]:
    """Windows of up to `rows` bars that fill an archived piece, in time order or the reverse. The last has no bars."""
    start, end = piece.start, piece.end
    for table in piece.iterate_tables(symbol, COLUMNS, descending=descending):
        offsets = range(0, len(table), rows)
        for offset in reversed(offsets) if descending else offsets:
            bars = table.slice(offset, rows)
            if descending:
                yield Window(_to_time(bars, 0), end, bars)
                end = _to_time(bars, 0)
            else:
                stop = _to_time(bars, -1) + _MINUTE
                yield Window(start, stop, bars)
                start = stop
    if start < end:
        yield Window(start, end, make_schema().empty_table().select(list(COLUMNS)))


def _to_time(bars: pyarrow.Table, row: int) -> datetime:
    return from_seconds(bars["ts_ms"][row].as_py() // 1000)


def write_array(column: pyarrow.ChunkedArray) -> str:
    """An array literal: PostgreSQL would parse each of thousands of single values as an expression."""
    import pyarrow

    return f"{{{','.join(column.cast(pyarrow.string()).to_pylist())}}}"
