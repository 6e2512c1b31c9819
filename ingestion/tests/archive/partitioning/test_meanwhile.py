"""Readers, writers and kills while partition_bars runs: nothing waits for long, and nothing is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from config.testing.builders import bars, write
from config.testing.database.scratch import temporary_role
from config.testing.processes import Process, database_url, run, session, until
from config.testing.rollup import assert_rollup_matches
from config.testing.rows import execute, execute_one
from ingestion.archive.partitioning.pipeline import partition_bars
from ingestion.pipeline import ingest_file
from ingestion.progress import Progress
from ingestion.undo.pipeline import undo_run
from marketdata.lake.export.pipeline import export_lake
from marketdata.lake.store import open_store

from .conftest import Acting, assert_partitioned, is_whole, list_left, make_rows, read_all, write_rows

pytestmark = pytest.mark.ordinary_role

COUNT = "SELECT count(*), sum(volume) FROM market_bars_ohlcv_1m"
NEW_YEAR = datetime(2019, 1, 1, tzinfo=UTC)


def test_no_reader_waits_or_sees_another_state(whole):
    stop, found, slowest = threading.Event(), set(), 0.0

    def read() -> None:
        nonlocal slowest
        with session() as cursor:
            cursor.execute("SET statement_timeout = '3s'")
            while not stop.is_set():
                started = time.monotonic()
                cursor.execute(COUNT)
                found.add(cursor.fetchone())
                slowest = max(slowest, time.monotonic() - started)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        until(lambda: found)
        partition_bars()
        seen = len(found)
        time.sleep(0.1)
    finally:
        stop.set()
        reader.join()
    assert (seen, len(found)) == (1, 1)
    assert slowest < 3
    assert_partitioned()


def test_a_long_reader_keeps_neither_readers_nor_writers_out(whole, other):
    other.execute("BEGIN")
    other.execute(COUNT)
    blocked = []

    def use(holder: str) -> None:
        """While the command waits, others read and write."""
        with session() as cursor:
            cursor.execute("SET statement_timeout = '3s'")
            cursor.execute(COUNT)
            write_rows(cursor, make_rows(2018, symbol="late", count=2))
        blocked.append(holder)
        other.execute("COMMIT")

    partition_bars(progress=Acting(waiting=use))
    assert len(blocked) == 1
    assert blocked[0].startswith("a session of another program: ")
    assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1m WHERE symbol = 'late'") == 2
    assert_partitioned()


def test_a_transaction_that_reads_one_state_finds_all_bars_of_it(whole, other):
    """Its snapshot is earlier than the copies: it would find an empty table."""
    other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
    other.execute("SELECT count(*) FROM data_ingest_runs")
    found = []

    def read(_: str) -> None:
        other.execute(COUNT)
        found.append(other.fetchone())
        other.execute("COMMIT")

    with connection.cursor() as cursor:
        cursor.execute(COUNT)
        expected = cursor.fetchone()
    partition_bars(progress=Acting(waiting=read))
    assert found == [expected]
    assert_partitioned()


GIVE = """
DO $$
DECLARE
    statement text;
BEGIN
    FOR statement IN
        SELECT format('ALTER TABLE %%s OWNER TO {role}', oid::regclass) FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
        UNION ALL
        SELECT format('ALTER FUNCTION %%s OWNER TO {role}', oid::regprocedure) FROM pg_proc
        WHERE pronamespace = 'public'::regnamespace
    LOOP
        EXECUTE statement;
    END LOOP;
END $$;
GRANT CREATE ON SCHEMA public TO {role}
"""


@pytest.mark.superuser
def test_a_transaction_whose_times_the_owner_may_not_see(whole, other):
    """PostgreSQL shows them to members of pg_read_all_stats only."""
    other.execute(COUNT)
    seen = [other.fetchone()]
    with temporary_role("owner") as role:
        execute(GIVE.format(role=role))
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM data_ingest_runs")
        url = database_url().replace(f"//{connection.settings_dict['USER']}@", f"//{role}@")
        with Process(command="partition_bars", url=url) as process:
            waiting = process.read_error_line()
            other.execute(COUNT)
            seen.append(other.fetchone())
            other.execute("COMMIT")
            assert process.end().code == 0
        execute(f"REASSIGN OWNED BY {role} TO CURRENT_USER")
    assert waiting.startswith("Waiting for a session of another program: ")
    assert seen[0] == seen[1]
    assert_partitioned()


def test_a_change_that_such_a_transaction_may_not_see(whole, other):
    """It is copied before, so that only transactions from before that copy are waited for."""

    def change() -> None:
        write_rows(other, make_rows(2018, symbol="late", count=2))
        other.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
        other.execute("SELECT count(*) FROM data_ingest_runs")

    progress = Acting(Replacing=change, waiting=lambda _: other.execute("COMMIT"))
    partition_bars(progress=progress)
    assert progress.steps[-3:] == ["Replacing the table", "Copying changes of 2018", "Replacing the table"]
    assert_partitioned()


WRITES = {
    "an insert in several years": (
        "INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)"
        " SELECT 'new', ts, ts_ms, open, high, low, close, volume, 2 FROM market_bars_ohlcv_1m WHERE symbol = 'A'"
    ),
    "corrections in two years": (
        "UPDATE market_bars_ohlcv_1m SET volume = volume + 1 WHERE extract(year FROM ts AT TIME ZONE 'UTC') <> 2018"
        " AND symbol = 'A'"
    ),
    "a delete": "DELETE FROM market_bars_ohlcv_1m WHERE ts >= '2018-12-31T23:00Z' AND ts < '2019-01-01T00:10Z'",
    "all of a year": "DELETE FROM market_bars_ohlcv_1m WHERE ts >= '2018-01-01Z' AND ts < '2019-01-01Z'",
    "another symbol": "UPDATE market_bars_ohlcv_1m SET symbol = 'moved' WHERE symbol = 'Ü'",
    "bars that move to another year": (
        "UPDATE market_bars_ohlcv_1m SET ts = ts + interval '731 days', ts_ms = ts_ms + 63158400000"
        " WHERE ts < '2012-01-01Z' AND symbol = 'A'"
    ),
    "an upsert": (
        "INSERT INTO market_bars_ohlcv_1m AS old (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)"
        " SELECT symbol, ts, ts_ms, open, high, low, close, volume, 2 FROM market_bars_ohlcv_1m"
        " ON CONFLICT (symbol, ts) DO UPDATE SET volume = old.volume + 7"
    ),
    "truncate": "TRUNCATE market_bars_ohlcv_1m",
    "a rollback": "BEGIN; DELETE FROM market_bars_ohlcv_1m; ROLLBACK",
    "a savepoint": (
        "BEGIN; SAVEPOINT one; DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'A'; ROLLBACK TO one;"
        " SAVEPOINT two; DELETE FROM market_bars_ohlcv_1m WHERE symbol = 'B b'; RELEASE two; COMMIT"
    ),
}


@pytest.mark.parametrize(
    "step", ["Replacing", *(pytest.param(step, marks=pytest.mark.slow) for step in ("Copying_2010", "Copying_2019"))]
)
@pytest.mark.parametrize("what", WRITES)
def test_writes_meanwhile_are_in_the_partitions(whole, other, what, step):
    expected = {}

    def act() -> None:
        other.execute(WRITES[what])
        expected.update(read_all())

    partition_bars(progress=Acting(**{step: act}))
    assert read_all() == expected
    assert_partitioned()


def test_bars_of_a_new_year_meanwhile(whole, other):
    act = Acting(Replacing=lambda: write_rows(other, make_rows(1985, symbol="old")))
    assert partition_bars(progress=act).years[0] == 1985
    assert act.steps.count("Replacing the table") == 2
    assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1m_1985") == 150
    assert_partitioned()


def test_a_transaction_that_is_open_from_before_the_copies_to_after_them(whole, other):
    """It begins to write after the triggers exist, and commits when all years are copied."""

    def begin() -> None:
        other.execute("BEGIN")
        write_rows(other, make_rows(2018, symbol="open") + make_rows(2024, symbol="open"))

    act = Acting(Copying_2010=begin, Replacing=lambda: other.execute("COMMIT"))
    partition_bars(progress=act)
    assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1m WHERE symbol = 'open'") == 300
    assert_partitioned()


def test_a_writer_from_before_the_command_is_waited_for_twice(whole, other):
    """The triggers do not see what it has written, so the copies begin after its commit."""
    other.execute("BEGIN")
    write_rows(other, make_rows(2018, symbol="early"))
    act = Acting(waiting=lambda _: other.execute("COMMIT"))
    partition_bars(progress=act)
    assert len(act.waits) == 1
    assert act.steps[0] == "Recording changes"
    assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1m WHERE symbol = 'early'") == 150
    assert_partitioned()


@pytest.mark.superuser
def test_writes_that_fire_only_triggers_that_always_fire(whole, other):
    act = Acting(
        Copying_2024=lambda: other.execute(
            "BEGIN; SET LOCAL session_replication_role = replica;"
            " UPDATE market_bars_ohlcv_1m SET created_at = now() WHERE ts < '2019-01-01Z'; COMMIT"
        )
    )
    partition_bars(progress=act)
    assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1m WHERE created_at = ts + interval '1 day'") == 300
    assert_partitioned()


def test_a_load_a_correction_and_an_undo_meanwhile(whole, tmp_path):
    """Other processes run them while years are copied; afterwards all of them work on the partitions."""
    first, corrected = bars(300), bars(40)
    corrected["volume"] += 5
    files = [write(tmp_path / f"{number}.dbn", rows) for number, rows in enumerate((first, corrected))]

    def load(*words: object, command: str = "ingest_dbn") -> None:
        ended = run(*words, command=command)
        assert (ended.code, ended.err) == (0, "")

    act = Acting(
        Copying_2011=lambda: load("--input", files[0]),
        Copying_2025=lambda: load("--input", files[1]),
        Replacing=lambda: load("4", command="undo_run"),
    )
    partition_bars(progress=act)
    assert_partitioned()
    assert execute_one("SELECT count(*) FROM market_bars_ohlcv_1m WHERE ingestion_run_id = 3") == 300
    assert undo_run(run_id=3).counts.removed == 300
    assert ingest_file(path=files[0]).run.inserted_count == 300
    assert_rollup_matches()


def test_a_lake_export_is_waited_for(whole, tmp_path):
    export_lake(open_store(str(tmp_path / "lake")))
    with session() as cursor:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ; LOCK TABLE market_bars_ohlcv_1m IN ACCESS SHARE MODE")
        act = Acting(waiting=lambda _: cursor.execute("ROLLBACK"))
        partition_bars(progress=act)
    assert len(act.waits) == 1
    ended = run(tmp_path / "lake", command="verify_lake")
    assert (ended.code, ended.err) == (0, "")


# --- Ends at any moment ----------------------------------------------------------------------------------------------

# A process that kills itself before its n-th statement that contains a text.
CHILD = """
import os, signal, sys
from django.core.management import call_command
import django
django.setup()
from django.db import connection
from psycopg2.sql import Composable
text, left = sys.argv[1], int(sys.argv[2])
def check(execute, sql, *arguments):
    global left
    shown = sql.as_string(connection.connection) if isinstance(sql, Composable) else sql
    if text in shown:
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, *arguments)
with connection.execute_wrapper(check):
    call_command("partition_bars")
"""
MOMENTS = [
    ("CREATE TABLE market_bars_partitioning (", 1),
    ("ENABLE ALWAYS TRIGGER", 4),
    ("INSERT INTO", 1),
    ("INSERT INTO market_bars_partitioning ", 9),
    ("VACUUM", 9),
    ("IN EXCLUSIVE MODE", 1),
    ("PARTITION BY RANGE", 1),
    ("ATTACH PARTITION", 12),
    ("IN ACCESS EXCLUSIVE MODE", 1),
    ("RENAME TO", 2),
    ("DROP FUNCTION IF EXISTS market_bars_partitioning_record", 1),
    ('ANALYZE "market_bars_ohlcv_1m"', 1),
]


def run_until_killed(text: str, number: int) -> int:
    ended = subprocess.run(
        [sys.executable, "-c", CHILD, text, str(number)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url()},
        stdout=subprocess.DEVNULL,
        timeout=60,
    )
    return ended.returncode


@pytest.mark.slow
@pytest.mark.parametrize(("text", "number"), MOMENTS)
def test_after_a_kill_the_table_is_whole_and_the_next_run_ends_the_work(whole, text, number):
    before = read_all()
    assert run_until_killed(text, number) == -signal.SIGKILL
    assert read_all() == before
    assert is_whole() == (text[:7] != "ANALYZE")
    with session() as cursor:  # writers go on, too
        write_rows(cursor, make_rows(2018, symbol="later") + make_rows(2011, symbol="later"))
    expected = read_all()
    partition_bars()
    assert read_all() == expected
    assert_partitioned()


def test_after_kills_the_next_run_copies_only_the_years_that_lack(whole):
    assert run_until_killed("INSERT INTO market_bars_partitioning ", 9) == -signal.SIGKILL
    act = Acting()
    partition_bars(progress=act)
    assert "Copying 2017" not in act.steps
    assert next(step for step in act.steps if step.startswith("Copying")) == "Copying 2018"
    assert_partitioned()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ctrl_c_while_it_waits_for_a_load(whole, other, number, code):
    other.execute("BEGIN; DELETE FROM market_bars_ohlcv_1m WHERE false")
    with Process(command="partition_bars") as process:
        assert process.read_error_line().startswith("Waiting for a session of another program: ")
        process.signal(number)
        ended = process.end(20)
    assert ended.code == code
    assert ended.sentence == (
        "interrupted: the table of bars is as before; run the same command again to go on, or with --abandon to remove "
        "the copies"
    )
    other.execute("ROLLBACK")
    assert is_whole()
    assert list_left() == []


def test_a_lost_connection_is_one_sentence(whole, other):
    class Losing(Progress):
        def step(self, name: str) -> None:
            if name == "Copying 2019":
                pid = connection.connection.info.backend_pid
                other.execute("SELECT pg_terminate_backend(%s)", [pid])
                time.sleep(0.2)

    before = read_all()
    with pytest.raises(Exception, match=r"The connection to the database was lost .* the table of bars is as before"):
        partition_bars(progress=Losing())
    connection.close()
    assert read_all() == before
    partition_bars()
    assert read_all() == before
    assert_partitioned()


# --- Rights ----------------------------------------------------------------------------------------------------------


@pytest.mark.superuser
def test_rights_of_other_roles_are_kept(whole):
    with temporary_role("reader") as reader, temporary_role("writer") as writer:
        execute(
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON market_bars_ohlcv_1m TO {writer} WITH GRANT OPTION;"
            f" GRANT SELECT (symbol, ts, close) ON market_bars_ohlcv_1m TO {reader};"
            f" ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {reader}"
        )
        before = read_rights()
        assert len(before) > 8
        partition_bars()
        assert read_rights() == before
        user = connection.settings_dict["USER"]
        with psycopg2.connect(database_url().replace(f"//{user}@", f"//{writer}@")) as own:
            write_rows(own.cursor(), make_rows(2018, symbol="own"))
        own.close()
        assert_partitioned()
        with (
            psycopg2.connect(database_url().replace(f"//{user}@", f"//{reader}@")) as own,
            own.cursor() as cursor,
        ):
            cursor.execute("SELECT count(close) FROM market_bars_ohlcv_1m")
            with pytest.raises(psycopg2.errors.InsufficientPrivilege):
                cursor.execute("SELECT volume FROM market_bars_ohlcv_1m")
        own.close()


def read_rights() -> set[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT '', (aclexplode(coalesce(relacl, acldefault('r', relowner)))).* FROM pg_class"
            " WHERE relname = 'market_bars_ohlcv_1m' UNION ALL"
            " SELECT attname::text, (aclexplode(attacl)).* FROM pg_attribute"
            " WHERE attrelid = 'market_bars_ohlcv_1m'::regclass"
        )
        return set(cursor.fetchall())
