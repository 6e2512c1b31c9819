"""Bars that get other values correct their hours by differences, or have them rebuilt: the result is the same."""

import pytest
from django.db import connection, transaction

from config.testing.rollup import assert_rollup_matches, at, bar_row, copy_bars
from config.testing.rows import execute, execute_one

UPDATE = "UPDATE market_bars_ohlcv_1m SET {change} WHERE ts = %s"
# Minute 1 has the highest price, minute 2 the lowest. The others are between.
LEVELS = {0: (50, 60, 40, 55), 1: (50, 99, 41, 52), 2: (50, 61, 9, 53), 3: (50, 62, 42, 54), 59: (50, 63, 43, 51)}


@pytest.fixture
def stored_hour(two_runs):
    rows = [("A", at(minute), int(at(minute).timestamp()) * 1000, *prices, 10, 1) for minute, prices in LEVELS.items()]
    copy_bars(rows)


@pytest.mark.parametrize(
    ("minute", "change"),
    [
        (0, "open = 48"),
        (0, "close = 44"),
        (59, "close = 45"),
        (59, "open = 46"),
        (1, "high = 100"),
        (1, "high = 98"),
        (1, "high = 53"),
        (2, "low = 8"),
        (2, "low = 10"),
        (2, "low = 49"),
        (3, "high = 99"),
        (3, "high = 98, low = 9"),
        (3, "volume = 0"),
        (3, "open = open"),
        (3, "open = -50, high = -49, low = -51, close = -50"),
    ],
)
def test_an_hour_follows_any_one_bar(stored_hour, minute, change):
    execute(UPDATE.format(change=change), at(minute))
    assert_rollup_matches()


def test_two_bars_that_exchange_their_minutes_change_the_hour(stored_hour):
    # A unique key is checked row by row, so the bars pass through other minutes.
    with transaction.atomic():
        for by, minutes in ((10, [0, 59]), (49, [10]), (-69, [69])):
            for minute in minutes:
                shift = "ts = ts + %s * interval '1 minute', ts_ms = ts_ms + %s * 60000"
                execute(f"UPDATE market_bars_ohlcv_1m SET {shift} WHERE ts = %s", by, by, at(minute))  # noqa: S608
                assert_rollup_matches()


def test_one_statement_that_deletes_and_changes_bars_of_an_hour_counts_each_change_once(stored_hour):
    """The trigger for DELETE rebuilds the hour from bars that have their new values already."""
    delete = "WITH deleted AS (DELETE FROM market_bars_ohlcv_1m WHERE ts = %s RETURNING 1) "
    execute(delete + UPDATE.format(change="volume = volume + 7"), at(3), at(2))
    assert_rollup_matches()
    # The UPDATE in the WITH clause is complete, and its trigger fires, in the other order.
    update = UPDATE.format(change="volume = volume + 7")
    delete = "DELETE FROM market_bars_ohlcv_1m WHERE ts = %s"
    execute(f"WITH changed AS ({update} RETURNING 1) {delete}", at(2), at(1))
    assert_rollup_matches()


AGAIN = """
CREATE FUNCTION pg_temp.change_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF pg_trigger_depth() = 1 THEN
        {statement};
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER {name} AFTER INSERT OR UPDATE ON market_bars_ohlcv_1m
FOR EACH {level} EXECUTE FUNCTION pg_temp.change_again()
"""


@pytest.mark.parametrize("name", ["a_first", "z_last"])
@pytest.mark.parametrize("level", ["ROW", "STATEMENT"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE market_bars_ohlcv_1m SET volume = volume + 1 WHERE volume > 0",
        "UPDATE market_bars_ohlcv_1m SET high = high - 1 WHERE high > 62",
        "DELETE FROM market_bars_ohlcv_1m WHERE volume % 2 = 1",
    ],
)
def test_a_trigger_of_another_program_may_change_the_bars_again(stored_hour, name, level, statement):
    """It runs before or after the triggers of the rollup, within the statement whose rows they read."""
    with connection.cursor() as cursor:
        cursor.execute(AGAIN.format(name=name, level=level, statement=statement))
    execute("UPDATE market_bars_ohlcv_1m SET high = high + 3, volume = volume + 1 WHERE ts > %s", at(0))
    assert_rollup_matches()
    copy_bars([bar_row("A", at(minute), minute) for minute in (4, 5, 60)])
    assert_rollup_matches()


def test_a_function_may_change_bars_many_times(stored_hour):
    execute("""
    DO $$
    BEGIN
        FOR number IN 1..5 LOOP
            UPDATE market_bars_ohlcv_1m SET high = high + (number - 2) * 2 + 2, volume = volume + number;
            BEGIN
                UPDATE market_bars_ohlcv_1m SET volume = volume * 2;
                RAISE division_by_zero;
            EXCEPTION WHEN division_by_zero THEN NULL;
            END;
            DELETE FROM market_bars_ohlcv_1m WHERE volume > 20 AND number = 4;
        END LOOP;
    END $$
    """)
    assert_rollup_matches()


def test_an_hour_without_a_row_is_rebuilt(stored_hour):
    """Only a change with disabled triggers can have removed it."""
    execute("SET LOCAL barkeep.writes_rollup = 'on'; DELETE FROM market_bars_ohlcv_1h; RESET barkeep.writes_rollup")
    execute(UPDATE.format(change="volume = volume + 7"), at(0))
    assert_rollup_matches()


def test_a_corrected_bar_stays_in_its_page(two_runs):
    """HOT: no index gets another entry. Before version 16, PostgreSQL's BRIN indexes prevented it."""
    if connection.pg_version < 160_000:
        pytest.skip("NOT TESTED: the server is older than PostgreSQL 16")
    copy_bars([bar_row("A", at(minute), 1) for minute in range(3_000)])
    execute("UPDATE market_bars_ohlcv_1m SET volume = volume + 1, ingestion_run_id = 2 WHERE ts_ms / 60000 %% 10 = 3")
    hot = execute_one("SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'market_bars_ohlcv_1m_2024'")
    assert hot >= 290  # of 300
