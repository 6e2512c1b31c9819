"""The rules of the partitions that the database enforces."""

import io
import threading

import pytest
from django.core.management import call_command
from django.db import DatabaseError, IntegrityError, connection, transaction

from config.testing.database.scratch import scratch_database
from config.testing.processes import backend_in, session, until
from config.testing.rollup import (
    COLUMNS,
    add_years,
    assert_rollup_matches,
    at,
    bar_row,
    copy_bars,
    insert_bars,
    insert_minutes,
)
from config.testing.rows import RUNS, execute, execute_one, insert
from marketdata.models import ArchivedYear, Bar, HourlyBar, SeriesCount
from marketdata.partitions.years import (
    add_partitions,
    find_missing_partitions,
    is_partitioned,
    list_partitions,
    partition_name,
    year_bounds,
)
from marketdata.sql.install import install_functions
from marketdata.sql.installed import find_differences

pytestmark = pytest.mark.ordinary_role

PARTITION = partition_name(2024)
ROW = bar_row("A", at(9), 4)
LET_PASS = "SET LOCAL barkeep.loads_partition = 'on'"
DIRECT = {
    "INSERT": insert_minutes(9)[0].replace("market_bars_ohlcv_1m", "market_bars_ohlcv_1m_2024"),
    "UPDATE": "UPDATE market_bars_ohlcv_1m_2024 SET volume = 0",
    "DELETE": "DELETE FROM market_bars_ohlcv_1m_2024",
    "MERGE": "MERGE INTO market_bars_ohlcv_1m_2024 AS old USING (VALUES ('A')) AS new (name) ON old.symbol = new.name"
    " WHEN MATCHED THEN DELETE",
    "TRUNCATE": "TRUNCATE market_bars_ohlcv_1m_2024",
    "no row": "DELETE FROM market_bars_ohlcv_1m_2024 WHERE false",
}


@pytest.fixture
def bars(market_db):
    insert(RUNS)
    insert_bars([bar_row("A", at(minute), minute) for minute in (1, 2, 5)])


@pytest.mark.parametrize("sql", DIRECT.values(), ids=DIRECT)
def test_a_partition_refuses_a_statement_that_names_it(bars, sql):
    values = [ROW] if "%s" in sql else []
    with pytest.raises(IntegrityError, match=f"{PARTITION} has the bars of one year of market_bars_ohlcv_1m: write to"):
        execute(sql, *values)
    assert Bar.objects.count() == 3
    assert_rollup_matches()


def test_a_partition_refuses_rows_of_copy(bars):
    with connection.cursor() as cursor, pytest.raises(Exception, match="write to that table"):
        cursor.copy_expert(f"COPY {PARTITION} ({COLUMNS}) FROM STDIN", io.StringIO(""))
    assert Bar.objects.count() == 3


def test_the_setting_of_the_loader_lets_new_bars_pass_and_counts_them(bars):
    with transaction.atomic():
        execute(LET_PASS)
        execute(DIRECT["INSERT"], ROW)
    assert Bar.objects.count() == 4
    assert_rollup_matches()
    with pytest.raises(IntegrityError, match="write to that table"):
        execute(f"{LET_PASS}; {DIRECT['UPDATE']}")


def test_the_whole_table_can_be_truncated_and_a_partition_still_cannot(bars):
    with session() as cursor:
        cursor.execute("BEGIN")
        cursor.execute("TRUNCATE market_bars_ohlcv_1m")
        with pytest.raises(DatabaseError, match="write to that table"):
            cursor.execute(f"TRUNCATE {PARTITION}")
        cursor.execute("ROLLBACK")
    execute("TRUNCATE market_bars_ohlcv_1m")
    assert not Bar.objects.exists()
    assert not HourlyBar.objects.exists()


def test_bars_of_two_years_are_counted_together(market_db):
    insert(RUNS)
    new_year = year_bounds(2025)[0]
    rows = [
        bar_row("A", new_year.replace(year=2024, month=12, day=31, hour=23, minute=59), 3),
        bar_row("A", new_year, 4),
    ]
    copy_bars(rows)
    assert_rollup_matches()
    with connection.cursor() as cursor:
        for year in (2024, 2025):
            cursor.execute(f"SELECT count(*) FROM ONLY {partition_name(year)}")  # noqa: S608
            assert cursor.fetchone() == (1,)
    execute("UPDATE market_bars_ohlcv_1m SET ts = ts + interval '1 year', ts_ms = ts_ms + 31536000000 WHERE volume = 3")
    assert_rollup_matches()


def test_partitions_are_made_once(market_db):
    with connection.cursor() as cursor:
        assert is_partitioned(cursor)
        assert find_missing_partitions(cursor, [2019, 2020]) == []
        assert {*range(2010, 2028)} <= {*list_partitions(cursor)}
        for _ in range(2):
            add_partitions(cursor, [1987, 2024, 1987])
        assert list_partitions(cursor).count(1987) == 1
        with pytest.raises(IntegrityError, match="the year 1899 is outside of the trading calendars"):
            add_partitions(cursor, [1899])
    execute(f"DROP TABLE {partition_name(1987)}")


def test_a_partition_is_made_beside_readers_and_writers(bars):
    with session() as reader, session() as writer, session() as maker:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM market_bars_ohlcv_1m")
        writer.execute("BEGIN")
        writer.execute("UPDATE market_bars_ohlcv_1m SET volume = 9 WHERE ts = %s", [at(1)])
        maker.execute("SET lock_timeout = '2s'")
        maker.execute("BEGIN")
        add_partitions(maker, [1988])
        reader.execute("SET LOCAL lock_timeout = '2s'; SELECT count(*) FROM market_bars_ohlcv_1m")
        assert reader.fetchone() == (3,)
        writer.execute("SET LOCAL lock_timeout = '2s'; DELETE FROM market_bars_ohlcv_1m WHERE ts = %s", [at(2)])
        maker.execute("COMMIT")
        writer.execute("COMMIT")
        reader.execute("COMMIT")
    assert Bar.objects.count() == 2
    assert_rollup_matches()
    execute(f"DROP TABLE {partition_name(1988)}")


def test_two_sessions_make_the_same_partition(market_db):
    failures: list[Exception] = []

    def make() -> None:
        try:
            with connection.cursor() as cursor:
                add_partitions(cursor, [1989])
        except DatabaseError as error:
            failures.append(error)
        finally:
            connection.close()

    with session() as first:
        first.execute("BEGIN")
        add_partitions(first, [1989])
        second = threading.Thread(target=make)
        second.start()
        until(lambda: backend_in("SELECT market_bars_add_partitions%"))
        first.execute("COMMIT")
        second.join()
    assert failures == []
    execute(f"DROP TABLE {partition_name(1989)}")


# --- Archived years ---------------------------------------------------------------------------------------------------


@pytest.fixture
def archived(bars):
    insert("market_archived_years", year=2024, bar_count=3)
    execute(f"ALTER TABLE market_bars_ohlcv_1m DETACH PARTITION {PARTITION}")
    yield
    ArchivedYear.objects.all().delete()
    execute(f"DROP TABLE {PARTITION}")
    add_years([ROW])


def test_an_archived_year_gets_no_new_partition(archived):
    with connection.cursor() as cursor, pytest.raises(DatabaseError, match="the bars of 2024 are archived"):
        add_partitions(cursor, [2024])
    with pytest.raises(DatabaseError, match="write to that table"):
        execute(f"{LET_PASS}; {DIRECT['INSERT']}", ROW)


def test_the_bars_of_an_archived_year_go_on_counting(archived):
    assert SeriesCount.objects.get(symbol="A").bar_count == 3
    execute("SELECT market_counts_rebuild(ARRAY['A']::varchar[])")
    assert SeriesCount.objects.get(symbol="A").bar_count == 3


def test_the_table_and_its_runs_cannot_be_emptied_while_years_are_archived(archived):
    for sql in ("TRUNCATE market_bars_ohlcv_1m", "TRUNCATE data_ingest_runs CASCADE"):
        with pytest.raises(IntegrityError, match=r"cannot be truncated while"):
            execute(sql)
    with pytest.raises(IntegrityError, match="has bars: it cannot be deleted"):
        execute("DELETE FROM data_ingest_runs")
    assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1h") == 1


# --- Installed --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("trigger", ["partition_guard", "partition_rollup"])
@pytest.mark.parametrize(
    "damage", ["DROP TRIGGER {trigger} ON {table}", "ALTER TABLE {table} DISABLE TRIGGER {trigger}"]
)
def test_a_partition_without_its_triggers_is_found_and_mended(market_db, trigger, damage):
    execute(damage.format(table=PARTITION, trigger=trigger))
    with connection.cursor() as cursor:
        assert find_differences(cursor) == [f"trigger {trigger} on {PARTITION} is missing or disabled"]
        install_functions()
        execute(f"ALTER TABLE {PARTITION} ENABLE TRIGGER {trigger}")
        assert find_differences(cursor) == []


def test_a_table_with_bars_stays_whole_and_one_that_others_depend_on(market_db):
    with scratch_database():
        call_command("migrate", "marketdata", "0018", verbosity=0)
        execute("CREATE VIEW closes AS SELECT close FROM market_bars_ohlcv_1m")
        call_command("migrate", verbosity=0)
        with connection.cursor() as cursor:
            assert not is_partitioned(cursor)
            assert find_missing_partitions(cursor, [2024]) == list_partitions(cursor) == []
            add_partitions(cursor, [2024])
        insert(RUNS)
        insert_bars([ROW])
        assert_rollup_matches()
