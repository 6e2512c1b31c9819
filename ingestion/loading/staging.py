"""The staging tables: rows that the table may have already wait there to be compared. They end with the transaction."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

# The triggers get the rows of each COPY in memory, without a temporary file.
_CREATE = """
SET LOCAL work_mem = '64MB';
CREATE TEMPORARY TABLE staged_bars (
    series int4 NOT NULL,
    ts timestamptz NOT NULL,
    ts_ms int8 NOT NULL,
    open numeric NOT NULL,
    high numeric NOT NULL,
    low numeric NOT NULL,
    close numeric NOT NULL,
    volume numeric NOT NULL
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_series (
    series int4 NOT NULL,
    symbol varchar(128) COLLATE "C" NOT NULL
) ON COMMIT DROP;
"""
_NAME_SERIES = (
    "INSERT INTO staged_series SELECT number - 1, symbol FROM unnest(%s) WITH ORDINALITY AS s (symbol, number)"
)


def create_staging(cursor: CursorWrapper) -> None:
    """Create empty staging tables for this transaction."""
    cursor.execute(_CREATE)


def finish_staging(cursor: CursorWrapper, symbols: list[str]) -> None:
    """Name the series of the staged bars by their position in `symbols`, and give the planner row counts."""
    cursor.execute(_NAME_SERIES, [symbols])
    cursor.execute("ANALYZE staged_bars (series, ts); ANALYZE staged_series")
