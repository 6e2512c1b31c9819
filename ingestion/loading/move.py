"""Moves bars from one series to another: only their symbol changes.

A bar keeps its values, its run and the time when it was stored; so do its earlier values. A read as of an earlier time
therefore finds the same bars under the new symbol. The triggers of the bars move the hourly rollup and the counts.
"""

from __future__ import annotations

from datetime import date

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from ingestion.loading.statements import execute_counted

# Compiling a plan costs more than it saves here.
_SETTINGS = "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"
_DATES = sql.SQL("""
WHERE symbol = %(source)s
    AND ts >= coalesce(%(start)s::date::timestamp AT TIME ZONE 'UTC', '-infinity')
    AND ts < coalesce(%(end)s::date::timestamp AT TIME ZONE 'UTC', 'infinity')
""")
_COUNT_BARS = sql.SQL("SELECT count(*) FROM market_bars_ohlcv_1m") + _DATES
_MOVE_BARS = sql.SQL("UPDATE market_bars_ohlcv_1m SET symbol = %(target)s") + _DATES
_MOVE_REVISIONS = sql.SQL("UPDATE market_bar_revisions SET symbol = %(target)s") + _DATES


def count_bars(cursor: CursorWrapper, symbol: str, start: date | None, end: date | None) -> int:
    """How many bars the symbol has from `start` to the day before `end` (UTC dates; None: without a bound)."""
    cursor.execute(_COUNT_BARS, {"source": symbol, "start": start, "end": end})
    count: int = cursor.fetchone()[0]
    return count


def move_bars(
    cursor: CursorWrapper, *, source: str, target: str, start: date | None, end: date | None, expected: int
) -> None:
    """Give the bars of these dates, and their earlier values, the symbol `target`. The dates are those of `count_bars`.

    Needs the locks of both series. Raises `DatabaseFailure` if there are not `expected` bars any more.
    """
    cursor.execute(_SETTINGS)
    dates = {"source": source, "target": target, "start": start, "end": end}
    execute_counted(cursor, _MOVE_BARS, dates, expected=expected, outcome="nothing was changed")
    cursor.execute(_MOVE_REVISIONS, dates)
