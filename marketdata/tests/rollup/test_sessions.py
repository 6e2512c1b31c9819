"""The hourly rollup matches the bars for any search path, role and isolation level of the session."""

import threading

import psycopg2
import pytest
from django.db import DatabaseError, IntegrityError, OperationalError, connection
from psycopg2.errorcodes import INSUFFICIENT_PRIVILEGE, SERIALIZATION_FAILURE

from config.testing.database.scratch import temporary_role
from config.testing.processes import session, until
from config.testing.rollup import (
    COLUMNS,
    assert_rollup_matches,
    at,
    bar_row,
    insert_minutes,
    is_waiting,
    read_rollup,
    run_statement,
)
from config.testing.rows import RUNS, insert

pytestmark = pytest.mark.ordinary_role

BARS = "public.market_bars_ohlcv_1m"
MOVE = "UPDATE market_bars_ohlcv_1m SET ts = ts + interval '1 hour', ts_ms = ts_ms + 3600000"
WRITE = f"INSERT INTO {BARS} ({COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)"  # noqa: S608


@pytest.fixture
def stored_bars(market_db):
    """Bars of A in two hours."""
    insert(RUNS)
    with connection.cursor() as cursor:
        cursor.executemany(WRITE, [bar_row("A", at(minute), minute) for minute in (*range(6), 70)])


def write_in_every_way(cursor) -> None:
    cursor.execute(WRITE, bar_row("A", at(30), 3))
    cursor.execute(f"UPDATE {BARS} SET volume = volume + 1 WHERE ts <= %s", [at(30)])  # noqa: S608
    cursor.execute(f"DELETE FROM {BARS} WHERE ts = %s", [at(70)])  # noqa: S608


@pytest.mark.parametrize(
    "before",
    [
        ["SET search_path = ''"],  # as pg_dump sets it
        [f"CREATE TEMPORARY TABLE market_bars_ohlcv_1m (LIKE {BARS})"],
        ["CREATE TEMPORARY TABLE market_bars_ohlcv_1h (LIKE public.market_bars_ohlcv_1h)"],
        ["CREATE TEMPORARY TABLE new_rows (a int)", "CREATE TEMPORARY TABLE old_rows (a int)"],
    ],
)
def test_the_functions_find_their_own_tables(stored_bars, before):
    with session() as cursor:
        for statement in before:
            cursor.execute(statement)
        write_in_every_way(cursor)
    assert_rollup_matches()
    assert len(read_rollup()) == 1


def test_a_temporary_table_of_runs_is_not_read(stored_bars):
    with session() as cursor, pytest.raises(psycopg2.errors.ForeignKeyViolation):
        cursor.execute("CREATE TEMPORARY TABLE data_ingest_runs AS SELECT 77::bigint AS id")
        try:
            cursor.execute(WRITE, bar_row("A", at(30), 3, run_id=77))
        except Exception as error:
            raise error.__cause__ from error


@pytest.mark.superuser  # creates a role
def test_a_role_that_writes_bars_needs_no_privilege_on_the_rollup(stored_bars):
    with temporary_role("writer", "NOLOGIN") as role, session() as cursor:
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON {BARS} TO {role}")
        cursor.execute(f"SET ROLE {role}; SET barkeep.writes_rollup = 'on'")
        write_in_every_way(cursor)
        with pytest.raises(DatabaseError, match="permission denied") as refused:
            cursor.execute("UPDATE market_bars_ohlcv_1h SET volume = 0")
        assert refused.value.__cause__.pgcode == INSUFFICIENT_PRIVILEGE
    assert_rollup_matches()


# --- An older snapshot -----------------------------------------------------------------------------------------------


@pytest.fixture
def older(market_db):
    """A session whose snapshot is older than the changes of the test."""
    with session() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1 FROM data_ingest_runs")
        yield cursor
        cursor.execute("ROLLBACK")


def test_an_hour_whose_bars_were_moved_away_cannot_be_added_to(stored_bars, older):
    with session() as other:
        other.execute(MOVE)
    with pytest.raises(OperationalError, match="could not serialize") as refused:
        older.execute(WRITE, bar_row("A", at(0), 40))
    assert refused.value.__cause__.pgcode == SERIALIZATION_FAILURE
    assert_rollup_matches()


def test_truncating_bars_newer_than_the_snapshot_removes_their_hours_too(market_db, older):
    insert(RUNS)
    with session() as other:
        other.execute(*insert_minutes(1, 2))
    older.execute("TRUNCATE market_bars_ohlcv_1m")
    older.execute("COMMIT")
    assert_rollup_matches()
    assert read_rollup() == {}


@pytest.mark.parametrize("table", ["market_bars_ohlcv_1h", "market_series_counts", "data_ingest_runs CASCADE"])
def test_tables_that_bars_need_are_not_truncated_if_bars_are_newer_than_the_snapshot(market_db, older, table):
    insert(RUNS)
    with session() as other:
        other.execute(*insert_minutes(1, 2))
    with pytest.raises(IntegrityError, match="cannot be truncated while there are bars"):
        older.execute(f"TRUNCATE {table}")
    older.execute("ROLLBACK")
    assert_rollup_matches()


# --- Two at once -----------------------------------------------------------------------------------------------------


def test_a_statement_of_two_kinds_and_one_of_one_lock_in_the_same_order(market_db):
    """The UPDATE trigger of an upsert fires before its INSERT trigger: here for the later hour first."""
    insert(RUNS)
    with connection.cursor() as cursor:
        cursor.execute(*insert_minutes(0, 120))
    upsert, rows = insert_minutes(2, 120)
    upsert += " ON CONFLICT (symbol, ts) DO UPDATE SET volume = excluded.volume + 1"
    failures: list[Exception] = []
    with session() as first, session() as one, session() as other:
        first.execute("BEGIN; SELECT FROM market_bars_ohlcv_1h WHERE hour = %s FOR UPDATE", [at(0)])
        threads = []
        for cursor, statement in ((one, insert_minutes(1, 121)), (other, (upsert, rows))):
            threads.append(threading.Thread(target=run_statement, args=(cursor, statement, failures)))
            threads[-1].start()
            until(lambda cursor=cursor: is_waiting(cursor))
        first.execute("COMMIT")
        for thread in threads:
            thread.join(20)
    assert failures == []
    assert_rollup_matches()
