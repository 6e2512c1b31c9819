"""Updating the hourly rollup costs what its rows cost, even if PostgreSQL's statistics say the tables are empty."""

import pytest
from django.db import connection, transaction

from config.testing.processes import session
from config.testing.rollup import COLUMNS, assert_rollup_matches
from config.testing.rows import RUNS, execute, execute_one, insert

HOURS = 10_000  # a nested loop over all pairs would take a minute
INSERT_BARS = f"""
INSERT INTO market_bars_ohlcv_1m ({COLUMNS})
SELECT 'S' || number %% 100, to_timestamp(number * 3600), number * 3600000, 5, 9, 1, 6, number, 1
FROM generate_series(400000::bigint, 400000 + %s - 1) AS number
"""  # noqa: S608
TABLES = "market_bars_ohlcv_1m, market_bars_ohlcv_1h, market_series_counts"


@pytest.fixture
def stale_statistics(market_db):
    """Bars that were loaded while autovacuum analysed the tables."""
    insert(RUNS)
    with session() as other:
        with transaction.atomic():
            execute(INSERT_BARS, HOURS)
            other.execute(f"ANALYZE {TABLES}")
        yield
        other.execute(f"ANALYZE {TABLES}")


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE market_bars_ohlcv_1m SET close = close + 1",
        "UPDATE market_bars_ohlcv_1m SET ts = ts + interval '1 hour', ts_ms = ts_ms + 3600000, symbol = symbol || '!'",
        "DELETE FROM market_bars_ohlcv_1m WHERE volume % 2 = 0",
    ],
)
def test_hours_are_found_by_their_key(stale_statistics, sql):
    assert execute_one("SELECT reltuples FROM pg_class WHERE relname = 'market_bars_ohlcv_1h'") == 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '20s'")
        cursor.execute(sql)
        assert cursor.rowcount >= HOURS // 2
    assert_rollup_matches()
