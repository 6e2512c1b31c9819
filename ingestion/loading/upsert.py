"""Step 7: staged bars into the table. Each staged row is compared once with what the table holds, and then only what is
new or different is written: an unchanged bar keeps its row, and the record of the run that brought it.

Runs under the series' locks, in the transaction that also closes the run.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.backends.utils import CursorWrapper

from ingestion.errors import DatabaseFailure

# The planner's guesses for a table made a moment ago; compiling a plan costs more than it saves here.
_SETTINGS = "SET LOCAL jit = off; SET LOCAL work_mem = '64MB'"

_ANY_IN_RANGE = """
SELECT EXISTS (
    SELECT FROM market_bars_ohlcv_1m
    WHERE symbol = ANY (%(symbols)s) AND ts BETWEEN %(min_ts)s AND %(max_ts)s
)
"""

# Numbers are compared, not their texts: 1.5 equals 1.500000000. No column is nullable, so <> suffices.
_DIFFERENCES = """
CREATE TEMPORARY TABLE staged_differences ON COMMIT DROP AS
SELECT
    names.symbol, staged.ts, staged.ts_ms,
    staged.open, staged.high, staged.low, staged.close, staged.volume,
    bars.ts IS NOT NULL AS existed
FROM staged_bars AS staged
JOIN staged_series AS names ON names.series = staged.series
LEFT JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = names.symbol AND bars.ts = staged.ts
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
SELECT names.symbol, staged.ts, staged.ts_ms,
    staged.open, staged.high, staged.low, staged.close, staged.volume, %(run_id)s
FROM staged_bars AS staged
JOIN staged_series AS names ON names.series = staged.series
"""
_INSERT_NEW = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT symbol, ts, ts_ms, open, high, low, close, volume, %(run_id)s
FROM staged_differences
WHERE NOT existed
"""
_KEEP_OLD_VALUES = """
INSERT INTO market_bar_revisions
    (symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, revised_by_id, operation)
SELECT bars.symbol, bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume,
    bars.created_at, bars.ingestion_run_id, %(run_id)s, 'update'
FROM staged_differences AS new
JOIN market_bars_ohlcv_1m AS bars ON bars.symbol = new.symbol AND bars.ts = new.ts
WHERE new.existed
"""
_UPDATE_CHANGED = """
UPDATE market_bars_ohlcv_1m AS bars
SET open = new.open, high = new.high, low = new.low, close = new.close, volume = new.volume,
    ingestion_run_id = %(run_id)s
FROM staged_differences AS new
WHERE new.existed AND bars.symbol = new.symbol AND bars.ts = new.ts
"""


@dataclass(frozen=True)
class Counts:
    """`updated` are the bars that the table already had, `changed` those of them whose values differ."""

    inserted: int
    updated: int
    changed: int


@dataclass(frozen=True)
class StagedRange:
    """What is staged: how many distinct bars, of which series, from when to when (both included)."""

    bar_count: int
    symbols: list[str]
    min_ts: datetime
    max_ts: datetime


def count_changes(cursor: CursorWrapper, staged: StagedRange) -> Counts:
    """What `upsert` would do. Leaves the differences in a temporary table if the table has bars in the range at all."""
    if not staged.bar_count:
        return Counts(inserted=0, updated=0, changed=0)
    cursor.execute(_SETTINGS)
    parameters = {"symbols": staged.symbols, "min_ts": staged.min_ts, "max_ts": staged.max_ts}
    cursor.execute(_ANY_IN_RANGE, parameters)
    if not cursor.fetchone()[0]:
        return Counts(inserted=staged.bar_count, updated=0, changed=0)
    cursor.execute(_DIFFERENCES, parameters)
    cursor.execute(_COUNT_DIFFERENCES)
    inserted, changed = cursor.fetchone()
    return Counts(inserted=inserted, updated=staged.bar_count - inserted, changed=changed)


def upsert(cursor: CursorWrapper, staged: StagedRange, run_id: int) -> Counts:
    """Write the staged bars under this run. The counts are exact as long as the series' locks are held."""
    counts = count_changes(cursor, staged)
    if counts.inserted and not counts.updated:
        _execute(cursor, _INSERT_ALL, run_id, expected=counts.inserted)
        return counts
    if counts.inserted:
        _execute(cursor, _INSERT_NEW, run_id, expected=counts.inserted)
    if counts.changed:
        cursor.execute("ANALYZE staged_differences")
        _execute(cursor, _KEEP_OLD_VALUES, run_id, expected=counts.changed)
        _execute(cursor, _UPDATE_CHANGED, run_id, expected=counts.changed)
    return counts


def _execute(cursor: CursorWrapper, sql: str, run_id: int, *, expected: int) -> None:
    cursor.execute(sql, {"run_id": run_id})
    if cursor.rowcount != expected:
        raise DatabaseFailure(
            f"Another program changed the table while it was written ({cursor.rowcount:,} bars where {expected:,} were "
            "counted), so nothing was stored: run the command again."
        )
