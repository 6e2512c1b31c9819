"""Staged bars into the table. Each staged row is compared once with the table's bar, and only new or different rows are
written: an unchanged bar keeps its row, and the run that it names.

Runs under the series' locks, in the transaction that also closes the run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.db.backends.utils import CursorWrapper
from psycopg2.sql import Identifier

from ingestion.loading.revisions import keep_values
from ingestion.loading.statements import execute_counted

# The planner knows nothing of tables made in this transaction; compiling a plan costs more than it saves here.
_SETTINGS = "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"

_ANY_IN_RANGE = """
SELECT EXISTS (
    SELECT 1 FROM market_bars_ohlcv_1m
    WHERE symbol = ANY (%(symbols)s) AND ts BETWEEN %(min_ts)s AND %(max_ts)s
)
"""

# Numbers are compared, not their texts: 1.5 equals 1.500000000. No column is nullable, so <> suffices.
_DIFFERENCES = """
CREATE TEMPORARY TABLE staged_differences ON COMMIT DROP AS
SELECT
    series.symbol, staged.ts, staged.ts_ms,
    staged.open, staged.high, staged.low, staged.close, staged.volume,
    bars.ts IS NOT NULL AS existed, bars.ctid AS place
FROM staged_bars AS staged
JOIN staged_series AS series ON series.series = staged.series
LEFT JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = series.symbol AND bars.ts = staged.ts
    AND bars.symbol = ANY (%(symbols)s) AND bars.ts BETWEEN %(min_ts)s AND %(max_ts)s
WHERE bars.ts IS NULL
    OR bars.open <> staged.open OR bars.high <> staged.high OR bars.low <> staged.low
    OR bars.close <> staged.close OR bars.volume <> staged.volume
"""
_COUNT_DIFFERENCES = """
SELECT count(*) FILTER (WHERE NOT existed), count(*) FILTER (WHERE existed) FROM staged_differences
"""

_INSERT_ALL = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT series.symbol, staged.ts, staged.ts_ms,
    staged.open, staged.high, staged.low, staged.close, staged.volume, %(run_id)s
FROM staged_bars AS staged
JOIN staged_series AS series ON series.series = staged.series
"""
_INSERT_NEW = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT symbol, ts, ts_ms, open, high, low, close, volume, %(run_id)s
FROM staged_differences
WHERE NOT existed
"""
# The comparison has found the bars to change, so the next two statements find them by their place, the ctid: a second
# join by their key costs more. The key is compared too, since another bar may use a place that has become free.
_BY_PLACE = """
SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL enable_seqscan = off
"""
_BY_ANY_PLAN = """
SET LOCAL enable_hashjoin TO DEFAULT; SET LOCAL enable_mergejoin TO DEFAULT; SET LOCAL enable_seqscan TO DEFAULT
"""
_KEEP_CHANGED = keep_values(
    affected=Identifier("staged_differences"),
    operation="'update'",
    condition="affected.existed AND bars.ctid = affected.place",
)
_UPDATE_CHANGED = """
UPDATE market_bars_ohlcv_1m AS bars
SET open = new.open, high = new.high, low = new.low, close = new.close, volume = new.volume,
    ingestion_run_id = %(run_id)s
FROM staged_differences AS new
WHERE new.existed AND bars.ctid = new.place AND bars.symbol = new.symbol AND bars.ts = new.ts
"""


@dataclass(frozen=True)
class Counts:
    """`inserted` bars were new. `updated` bars existed already, `changed` of them with other values."""

    inserted: int
    updated: int
    changed: int

    def add_inserted(self, count: int) -> Counts:
        """The same with bars that were inserted without staging."""
        return replace(self, inserted=self.inserted + count)


@dataclass(frozen=True)
class StagedRange:
    """How many distinct bars are staged, of which series, and the first and last time (both included)."""

    bar_count: int
    symbols: list[str]
    min_ts: datetime
    max_ts: datetime


def count_changes(cursor: CursorWrapper, staged: StagedRange) -> Counts:
    """What `upsert` would do. Leaves the differences in a temporary table if the table has bars in the range."""
    if not staged.bar_count:
        return Counts(inserted=0, updated=0, changed=0)
    cursor.execute(_SETTINGS)
    parameters: dict[str, Any] = {"symbols": staged.symbols, "min_ts": staged.min_ts, "max_ts": staged.max_ts}
    cursor.execute(_ANY_IN_RANGE, parameters)
    if not cursor.fetchone()[0]:
        return Counts(inserted=staged.bar_count, updated=0, changed=0)
    cursor.execute(_DIFFERENCES, parameters)
    cursor.execute(_COUNT_DIFFERENCES)
    inserted, changed = cursor.fetchone()
    return Counts(inserted=inserted, updated=staged.bar_count - inserted, changed=changed)


def upsert(cursor: CursorWrapper, staged: StagedRange, run_id: int) -> Counts:
    """Write the staged bars under this run. The counts are exact as long as the series' locks are held.

    Raises `DatabaseFailure` where a program that ignores the locks changed the bars meanwhile.
    """
    counts = count_changes(cursor, staged)
    parameters = {"run_id": run_id}
    if counts.inserted:
        insert = _INSERT_NEW if counts.updated else _INSERT_ALL
        execute_counted(cursor, insert, parameters, expected=counts.inserted)
    if counts.changed:
        cursor.execute(_BY_PLACE)
        execute_counted(cursor, _KEEP_CHANGED, parameters, expected=counts.changed)
        execute_counted(cursor, _UPDATE_CHANGED, parameters, expected=counts.changed)
        cursor.execute(_BY_ANY_PLAN)
    return counts
