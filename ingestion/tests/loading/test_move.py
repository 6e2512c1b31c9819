"""Moving bars costs what the moved bars cost, and every bar is counted."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection, transaction

from config.testing.rollup import assert_rollup_matches
from config.testing.rows import RUNS, execute, insert
from ingestion.errors import DatabaseFailure
from ingestion.loading.move import count_bars, move_bars
from marketdata.models import Bar

DAY, NEXT = date(2020, 1, 2), date(2020, 1, 3)


@pytest.fixture
def symbols(market_db) -> None:
    """A hundred series with a bar each hour of ten days."""
    insert(RUNS)
    execute("""
        INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
        SELECT 'S' || number, ts, extract(epoch FROM ts) * 1000, 5, 9, 1, 6, number, 1
        FROM generate_series(1, 100) AS number
        CROSS JOIN generate_series('2020-01-01 00:00+00', '2020-01-10 23:00+00', interval '1 hour') AS ts
    """)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE market_bars_ohlcv_1m")


def move(source: str, target: str, start: date | None, end: date | None, expected: int) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        move_bars(cursor, source=source, target=target, start=start, end=end, expected=expected)


@pytest.mark.parametrize(
    ("start", "end", "count"), [(DAY, NEXT, 24), (None, NEXT, 48), (DAY, None, 216), (None, None, 240)]
)
def test_the_bars_of_the_dates_move(symbols, start, end, count):
    with connection.cursor() as cursor:
        assert count_bars(cursor, "S7", start, end) == count
    move("S7", "NEW", start, end, count)
    moved = Bar.objects.filter(symbol="NEW")
    assert moved.count() == count
    assert {bar.ts.date() >= (start or date.min) and bar.ts.date() < (end or date.max) for bar in moved} == {True}
    assert Bar.objects.filter(symbol="S7").count() == 240 - count
    assert_rollup_matches()


def test_another_number_of_bars_than_expected_stops(symbols):
    with pytest.raises(DatabaseFailure, match=r"24 bars where 25 were counted\), so nothing was changed"):
        move("S7", "NEW", DAY, NEXT, 25)
    assert not Bar.objects.filter(symbol="NEW").exists()


def test_only_the_bars_of_the_dates_are_read(symbols):
    """By the primary key, and not all bars of the series."""
    plans = []

    def explain(execute, sql, parameters, many, context):
        text = sql if isinstance(sql, str) else sql.as_string(context["cursor"].connection)
        if "UPDATE market_bars_ohlcv_1m" in text:
            with connection.cursor() as cursor:
                cursor.cursor.execute("EXPLAIN " + text, parameters)
                plans.extend(row[0] for row in cursor.cursor.fetchall())
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(explain):
        move("S7", "NEW", DAY, NEXT, 24)
    plan = "\n".join(plans)
    assert "Index Scan using market_bars_ohlcv_1m_2020_pkey" in plan
    assert "market_bars_ohlcv_1m_2019" not in plan
    assert "Index Cond: (((symbol)::text = 'S7'::text) AND (ts >= '2020-01-02" in plan
