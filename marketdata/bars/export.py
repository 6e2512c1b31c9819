"""Bars of a range as CSV, written by PostgreSQL block by block."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection

from marketdata.bars.query import filter_bars
from marketdata.models import Series

EXPORT_COLUMNS = ("symbol", "ts", "open", "high", "low", "close", "volume", "run_id")
EXPORT_ROWS = 20_000

# trim_scale leaves the digits that say something: 16234.5, not 16234.500000000.
_EXPORT = """
COPY (
    SELECT symbol, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') AS ts,
        trim_scale(open) AS open, trim_scale(high) AS high, trim_scale(low) AS low, trim_scale(close) AS close,
        volume, ingestion_run_id AS run_id
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s
    ORDER BY symbol, ts
) TO STDOUT (FORMAT CSV)
"""


def export_csv_blocks(series: Series, *, start: datetime | None, end: datetime | None) -> Iterator[bytes]:
    """The range's bars as CSV lines of `EXPORT_COLUMNS` without a header, some thousands at a time, in time order.

    Memory stays the same for any range. Each block is a statement of its own, so that no transaction stays open for as
    long as a client takes to read.
    """
    while start is None or end is None or start < end:
        page = filter_bars(series, start, end).order_by("ts").values_list("ts", flat=True)
        times = list(page[:EXPORT_ROWS])
        if not times:
            return
        block_end = times[-1] + timedelta(minutes=1)
        yield copy_out({"symbol": series.symbol, "start": times[0], "end": block_end})
        start = block_end


def copy_out(parameters: dict) -> bytes:
    out = io.BytesIO()
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(cursor.mogrify(_EXPORT, parameters).decode(), out)
    return out.getvalue()
