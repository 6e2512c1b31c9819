"""Compares the table of one year with the hourly rollup, in SQL."""

from __future__ import annotations

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from marketdata.partitions.years import partition_name, year_bounds

# Date functions instead of the triggers' arithmetic, so that the two do not share an error.
_COMPARE = sql.SQL("""
WITH hours AS (
    SELECT symbol, date_trunc('hour', ts, 'UTC') AS hour, max(high) AS high, min(low) AS low, sum(volume) AS volume,
        min(ts) AS first_ts, max(ts) AS last_ts,
        sum(1::bigint << extract(minute FROM ts AT TIME ZONE 'UTC')::int)::bigint AS minutes
    FROM {table}
    GROUP BY symbol, hour
), computed AS (
    SELECT symbol, hour, first.open, hours.high, hours.low, last.close, hours.volume, minutes
    FROM hours
    JOIN (SELECT symbol, ts AS first_ts, open FROM {table}) AS first USING (symbol, first_ts)
    JOIN (SELECT symbol, ts AS last_ts, close FROM {table}) AS last USING (symbol, last_ts)
), stored AS (
    SELECT symbol, hour, open, high, low, close, volume, minutes
    FROM market_bars_ohlcv_1h
    WHERE hour >= %(start)s AND hour < %(end)s
)
SELECT symbol, hour, computed.minutes IS NULL, stored.minutes IS NULL
FROM stored FULL JOIN computed USING (symbol, hour)
WHERE (stored.open, stored.high, stored.low, stored.close, stored.volume, stored.minutes)
    IS DISTINCT FROM (computed.open, computed.high, computed.low, computed.close, computed.volume, computed.minutes)
ORDER BY symbol, hour
LIMIT 1
""")
_SETTINGS = "SET LOCAL work_mem = '64MB'; SET LOCAL jit = off"
_COUNT = sql.SQL("SELECT count(*) FROM {table}")


def find_difference(cursor: CursorWrapper, year: int) -> str:
    """A sentence about the first hour in which the year's table and the rollup differ; empty if there is none."""
    start, end = year_bounds(year)
    cursor.execute(_SETTINGS)
    cursor.execute(_COMPARE.format(table=sql.Identifier(partition_name(year))), {"start": start, "end": end})
    row = cursor.fetchone()
    if row is None:
        return ""
    symbol, hour, has_no_bars, is_not_stored = row
    what = (
        "is in the hourly rollup only" if has_no_bars else "is not in the hourly rollup" if is_not_stored else "differs"
    )
    return f"{symbol}, {hour:%Y-%m-%d %H:%M} UTC {what}."


def count_rows(cursor: CursorWrapper, year: int) -> int:
    """How many bars the year's table has."""
    cursor.execute(_COUNT.format(table=sql.Identifier(partition_name(year))))
    count: int = cursor.fetchone()[0]
    return count
