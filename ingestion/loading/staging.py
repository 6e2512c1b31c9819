"""Step 6 for rows that might meet a stored bar: into a temporary table, by COPY BINARY. It is gone when the transaction
ends, however it ends."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper

from ingestion.loading.copy import run_copy
from ingestion.loading.copy_format import COLUMNS, CopyRows

_CREATE = """
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
_COPY = f"COPY staged_bars ({', '.join(COLUMNS)}) FROM STDIN (FORMAT BINARY)"


def create_staging(cursor: CursorWrapper) -> None:
    """Empty staging tables for this transaction."""
    cursor.execute(_CREATE)


def copy_staged_bars(cursor: CursorWrapper, rows: CopyRows) -> None:
    """Add some rows of `COLUMNS` to the staged bars."""
    run_copy(cursor, _COPY, rows)


def finish_staging(cursor: CursorWrapper, symbols: list[str]) -> None:
    """Name the series of the staged bars, `symbols[code]`, and let the planner know how many bars there are."""
    cursor.execute(
        "INSERT INTO staged_series SELECT series - 1, symbol FROM unnest(%s) WITH ORDINALITY AS s (symbol, series)",
        [symbols],
    )
    cursor.execute("ANALYZE staged_bars; ANALYZE staged_series")
