"""The rollup's functions may write it, and nothing else may, before, between and after their statements."""

import pytest
from django.db import IntegrityError, connection, transaction

from config.testing.processes import session
from config.testing.rollup import COLUMNS, assert_rollup_matches, at, bar_row, copy_bars, insert_bars
from config.testing.rows import RUNS, execute, execute_one, insert
from marketdata.models import Bar
from marketdata.rollup.verify import repair_symbol

pytestmark = pytest.mark.ordinary_role

MERGE = """
MERGE INTO market_bars_ohlcv_1m AS old
USING (VALUES (%s, %s::timestamptz), ('A', %s::timestamptz)) AS new (symbol, ts) ON old.ts = new.ts
WHEN MATCHED AND old.volume % 2 = 1 THEN DELETE
WHEN MATCHED THEN UPDATE SET close = low
WHEN NOT MATCHED THEN INSERT (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
    VALUES (new.symbol, new.ts, extract(epoch FROM new.ts)::bigint * 1000, 5, 9, 1, 6, 3, 1)
""".replace("% 2", "%% 2")
UPSERT = "ON CONFLICT (symbol, ts) DO UPDATE SET volume = excluded.volume"
DIRECT = [
    "DELETE FROM market_bars_ohlcv_1h",
    "UPDATE market_bars_ohlcv_1h SET volume = 0",
    "INSERT INTO market_series_counts VALUES ('Z', 1)",
    "UPDATE market_series_counts SET bar_count = 0",
]
WRITES = {
    "COPY": lambda: copy_bars([bar_row("A", at(minute), 3) for minute in range(20, 90)]),
    "INSERT": lambda: insert_bars([bar_row("A", at(30), 3)]),
    "upsert": lambda: insert_bars([bar_row("A", at(minute), 4) for minute in (1, 2, 40)], on_conflict=UPSERT),
    "MERGE": lambda: execute(MERGE, "A", at(1), at(50)),
    "UPDATE": lambda: execute("UPDATE market_bars_ohlcv_1m SET ts = ts + interval '1 hour', ts_ms = ts_ms + 3600000"),
    "DELETE": lambda: execute("DELETE FROM market_bars_ohlcv_1m WHERE ts > %s", at(1)),
    "TRUNCATE": lambda: execute("TRUNCATE market_bars_ohlcv_1m"),
    "a statement of no rows": lambda: execute("DELETE FROM market_bars_ohlcv_1m WHERE false"),
    "rebuilding hours": lambda: execute_one(
        "SELECT market_rollup_rebuild_hours(ARRAY['A', 'A']::varchar[], %s::timestamptz[])", [at(0), at(600)]
    ),
    "rebuilding counts": lambda: execute_one("SELECT market_counts_rebuild(ARRAY['A']::varchar[])"),
}


@pytest.fixture
def bars(market_db):
    for number in (1, 2):
        insert(RUNS, id=number)
    insert_bars([bar_row("A", at(minute), minute) for minute in (1, 2, 5)])


def assert_guarded() -> None:
    """Each direct write is refused, and leaves the transaction usable."""
    for sql in DIRECT:
        with pytest.raises(IntegrityError, match="follows from market_bars_ohlcv_1m: change the bars"):
            execute(sql)


def fail_to_insert() -> None:
    """In a savepoint: the run does not exist, which the trigger finds after it wrote the rollup."""
    with pytest.raises(IntegrityError, match="does not exist"), transaction.atomic():
        insert_bars([bar_row("A", at(117), 1, run_id=99)])


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_direct_write_is_refused_in_the_same_transaction_as_a_write_of_bars(bars, write):
    with transaction.atomic():
        assert_guarded()
        write()
        assert_guarded()
        write_again()
        assert_guarded()
    assert_guarded()
    assert_rollup_matches()


def write_again() -> None:
    insert_bars([bar_row("B", at(minute), 7) for minute in (3, 300)])


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_an_error_ends_the_permission(bars, write):
    with transaction.atomic():
        fail_to_insert()
        assert_guarded()
        write()
        fail_to_insert()
        assert_guarded()
    assert_rollup_matches()


@pytest.mark.parametrize("end", ["ROLLBACK TO SAVEPOINT one", "RELEASE SAVEPOINT one"])
def test_a_savepoint_does_not_keep_the_permission(bars, end):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SAVEPOINT one")
        WRITES["upsert"]()
        cursor.execute(end)
        assert_guarded()
    assert_rollup_matches()


def test_an_error_that_a_function_catches_ends_the_permission(bars):
    """The handler runs in the function, whose caller never sees the error."""
    with pytest.raises(IntegrityError, match="change the bars, not this table"):
        execute(
            f"""
            DO $$ BEGIN
                INSERT INTO market_bars_ohlcv_1m ({COLUMNS})
                SELECT symbol, ts + interval '1 hour', ts_ms + 3600000, open, high, low, close, volume, 99
                FROM market_bars_ohlcv_1m;
            EXCEPTION WHEN foreign_key_violation THEN
                DELETE FROM market_bars_ohlcv_1h;
            END $$
            """  # noqa: S608
        )
    assert_rollup_matches()


@pytest.fixture
def bars_that_write_bars(bars):
    """A trigger of the operator's: each deletion writes another series, so that triggers run within triggers."""
    execute(
        f"""
        CREATE FUNCTION keep_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            INSERT INTO market_bars_ohlcv_1m ({COLUMNS})
            SELECT 'deleted ' || symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id FROM old_rows;
            RETURN NULL;
        END $$;
        CREATE TRIGGER a_keep_deleted AFTER DELETE ON market_bars_ohlcv_1m
            REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION keep_deleted();
        """  # noqa: S608
    )
    yield
    execute("DROP FUNCTION keep_deleted() CASCADE")


def test_a_trigger_within_a_trigger_does_not_keep_the_permission(bars_that_write_bars):
    with transaction.atomic():
        execute("DELETE FROM market_bars_ohlcv_1m WHERE ts >= %s", at(2))
        assert_guarded()
    assert Bar.objects.filter(symbol="deleted A").count() == 2
    assert_rollup_matches()


def test_sessions_do_not_share_the_permission(bars):
    with session() as other:
        other.execute("BEGIN")
        other.execute("UPDATE market_bars_ohlcv_1m SET volume = volume + 1")
        with pytest.raises(IntegrityError, match="change the bars, not this table"):
            execute("INSERT INTO market_series_counts VALUES ('Z', 1)")
        with pytest.raises(IntegrityError, match="change the bars, not this table"):
            other.execute("DELETE FROM market_series_counts WHERE false")
        other.execute("ROLLBACK")
    assert_rollup_matches()


def test_a_setting_of_the_session_is_restored(bars):
    with transaction.atomic():
        execute("SET LOCAL barkeep.writes_rollup = 'on'")
        insert_bars([bar_row("A", at(30), 3)])
        assert execute_one("SELECT current_setting('barkeep.writes_rollup')") == "on"
        execute("SET LOCAL barkeep.writes_rollup = 'off'")
        insert_bars([bar_row("A", at(31), 3)])
        assert execute_one("SELECT current_setting('barkeep.writes_rollup')") == "off"
    assert execute_one("SELECT current_setting('barkeep.writes_rollup')") in (None, "")


def test_a_repair_may_write_and_leaves_the_guards_up(bars):
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL barkeep.writes_rollup = 'on'")
        cursor.execute("UPDATE market_bars_ohlcv_1h SET volume = 0; UPDATE market_series_counts SET bar_count = 9")
    assert repair_symbol("A").difference_count == 2
    assert_guarded()
    assert_rollup_matches()


@pytest.mark.parametrize(
    "table", ["data_ingest_runs, market_series_instruments", "market_bars_ohlcv_1h", "market_series_counts"]
)
def test_a_function_of_the_same_name_does_not_replace_the_guards(bars, table):
    with transaction.atomic():
        execute("CREATE FUNCTION market_table_has_rows(text) RETURNS boolean LANGUAGE sql RETURN false")
        with pytest.raises(IntegrityError, match="cannot be truncated while there are bars"):
            execute(f"TRUNCATE {table}")
        transaction.set_rollback(True)
