"""Step 5 and 6 in one, for a file that can meet no stored bar: by COPY BINARY straight into the table.

Whether it can is asked of the metadata's range, and that holds because `validate` refuses every row outside it. The
series' locks are taken before the first row, so that nobody else can put a bar there meanwhile. What is written is the
same as by way of staging, in the same transaction; staging and inserting takes PostgreSQL about twice as long.
"""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.backends.utils import CursorWrapper

from ingestion.copy_binary import TABLE_COLUMNS, copy_table_rows
from ingestion.decode import FileFacts
from ingestion.locks import lock_series
from ingestion.name_symbols import Bars
from ingestion.stage import copy_in

_IS_FREE = """
SELECT NOT EXISTS (
    SELECT FROM market_bars_ohlcv_1m
    WHERE symbol = ANY (%(symbols)s) AND ts BETWEEN %(start)s AND %(end)s
)
"""
_COPY = f"COPY market_bars_ohlcv_1m ({', '.join(TABLE_COLUMNS)}) FROM STDIN (FORMAT BINARY)"


def claim_free_range(cursor: CursorWrapper, facts: FileFacts, symbols: list[str]) -> bool:
    """Whether the table holds no bar of these series, all that the file may have, in the file's range. If so, this
    transaction holds the series' locks, and it stays so."""
    if facts.start is None or facts.end is None or not _is_free(cursor, facts, symbols):
        return False
    lock_series(cursor, symbols)
    return _is_free(cursor, facts, symbols)


def store(cursor: CursorWrapper, bars: Bars, symbols: list[str], run_id: int) -> None:
    """Put one chunk into the table, under this run."""
    if len(bars.chunk):
        copy_in(cursor, _COPY, copy_table_rows(bars, symbols, run_id), len(bars.chunk))


def _is_free(cursor: CursorWrapper, facts: FileFacts, symbols: list[str]) -> bool:
    cursor.execute(_IS_FREE, {"symbols": symbols, "start": _utc(facts.start), "end": _utc(facts.end)})
    return cursor.fetchone()[0]


def _utc(nanoseconds: int) -> datetime:
    # Bars lie on whole minutes, so seconds are fine enough.
    return datetime.fromtimestamp(nanoseconds // 10**9, UTC)
