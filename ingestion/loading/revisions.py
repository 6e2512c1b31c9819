"""Old values of bars, copied to market_bar_revisions before a statement changes or deletes the bars."""

from __future__ import annotations

from psycopg2 import sql

# `affected` is a temporary table with the keys of the bars. `operation` is what happens to each of them next.
_KEEP = sql.SQL("""
INSERT INTO market_bar_revisions
    (symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, revised_by_id, operation)
SELECT bars.symbol, bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume,
    bars.created_at, bars.ingestion_run_id, %(run_id)s, {operation}
FROM {affected} AS affected
JOIN market_bars_ohlcv_1m AS bars ON bars.symbol = affected.symbol AND bars.ts = affected.ts
WHERE {condition}
""")


def keep_values(*, affected: sql.Identifier, operation: str, condition: str = "true") -> sql.Composed:
    """The statement that keeps the values of bars whose keys are in the temporary table `affected`.

    `operation` and `condition` are SQL over its columns: 'update' or 'delete', and which rows. The statement takes the
    parameter `run_id`: the run that replaces the values.
    """
    return _KEEP.format(affected=affected, operation=sql.SQL(operation), condition=sql.SQL(condition))
