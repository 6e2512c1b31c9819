"""Bars of a range as CSV, formatted by PostgreSQL in blocks."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import connection
from psycopg2 import sql

from marketdata.bars.query import filter_bars
from marketdata.bars.regular_hours import IS_REGULAR, list_regular_edges
from marketdata.calendars.hours import Hours
from marketdata.models import Series

EXPORT_COLUMNS = ("symbol", "ts", "open", "high", "low", "close", "volume", "run_id")
EXPORT_ROWS = 20_000

# trim_scale drops trailing zeros: 16234.5, not 16234.500000000.
_SELECT = """
SELECT symbol, to_char(ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"') AS ts,
    trim_scale(open) AS open, trim_scale(high) AS high, trim_scale(low) AS low, trim_scale(close) AS close,
    volume, ingestion_run_id AS run_id
FROM market_bars_ohlcv_1m
WHERE symbol = %(symbol)s AND ts >= %(start)s AND ts < %(end)s
"""
_BARS = sql.SQL(_SELECT + "ORDER BY symbol, ts")
_REGULAR_BARS = sql.SQL(_SELECT + "AND " + IS_REGULAR.replace("%s", "%(edges)s") + " ORDER BY symbol, ts")
_COPY = sql.SQL("COPY ({query}) TO STDOUT (FORMAT CSV)")


def export_csv_blocks(
    series: Series, *, start: datetime | None, end: datetime | None, hours: Hours = Hours.ALL
) -> Iterator[bytes]:
    """The bars of [start, end) as CSV lines of `EXPORT_COLUMNS`, without a header, in time order.

    A block has up to `EXPORT_ROWS` lines, so memory stays constant for any range. Each block is a statement of its own:
    one statement for the range would keep its transaction open while a slow client reads.
    """
    while start is None or end is None or start < end:
        page = filter_bars(series, start, end, hours).order_by("ts").values_list("ts", flat=True)
        times = list(page[:EXPORT_ROWS])
        if not times:
            return
        block_end = times[-1] + timedelta(minutes=1)
        bounds: dict[str, object] = {"symbol": series.symbol, "start": times[0], "end": block_end}
        if hours is Hours.REGULAR:
            bounds["edges"] = list_regular_edges(series.calendar, times[0], times[-1])
        yield copy_csv(_REGULAR_BARS if hours is Hours.REGULAR else _BARS, bounds)
        start = block_end


def copy_csv(query: sql.Composable, parameters: dict[str, object]) -> bytes:
    """The rows of the query as CSV lines without a header, by COPY."""
    out = io.BytesIO()
    with connection.cursor() as cursor, connection.wrap_database_errors:
        cursor.copy_expert(cursor.mogrify(_COPY.format(query=query), parameters).decode(), out)
    return out.getvalue()
