"""A dump, restored into a new database by its owner, has every function and trigger, and loads a file."""

from __future__ import annotations

import contextlib
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
import pytest
from django.conf import settings
from django.db import connection

from config.testing.builders import bars, write
from config.testing.database.roles import is_ordinary
from config.testing.database.servers import find_programs, temporary_server
from config.testing.processes import Process, database_url, run
from marketdata.migrations._partitions_0019 import MAKE_WHOLE

pytestmark = pytest.mark.ordinary_role

OWNER = "barkeep_test_restorer"
DATA_ONLY = (
    "-Fc",
    "--data-only",
    "--load-via-partition-root",
    "--table=market_*",
    "--table=data_ingest_*",
    "--exclude-table-data=market_bars_ohlcv_1h",
    "--exclude-table-data=market_series_counts",
)
DATA_TABLES = (
    "data_ingest_runs",
    "market_bars_ohlcv_1m",
    "market_bars_ohlcv_1h",
    "market_series_counts",
    "market_bar_revisions",
    "market_series",
    "market_series_instruments",
)
_TRIGGERS = """
SELECT pg_get_triggerdef(oid), tgenabled::text FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1
"""
_FUNCTIONS = """
SELECT pg_get_functiondef(oid), pg_get_userbyid(proowner)
FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1
"""


_PARTITIONS = """
SELECT relid::regclass::text, pg_get_expr(relpartbound, relid)
FROM pg_partition_tree('market_bars_ohlcv_1m') JOIN pg_class ON pg_class.oid = relid ORDER BY 1
"""


@dataclass(frozen=True)
class Server:
    """`url` has {database} to be filled in."""

    programs: Path
    url: str

    @contextlib.contextmanager
    def database(self) -> Iterator[str]:
        """The URL of a new database, which the role of the URL owns."""
        name = f"test_restore_{uuid.uuid4().hex[:8]}"
        self.execute("postgres", f"CREATE DATABASE {name}")
        try:
            self.execute(name, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
            yield self.url.format(database=name)
        finally:
            self.execute("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def execute(self, database: str, sql: str) -> None:
        with session(self.url.format(database=database)) as cursor:
            cursor.execute(sql)

    def run(self, program: str, *words: object, warning: str = "") -> None:
        ended = subprocess.run([self.programs / program, *map(str, words)], capture_output=True, text=True)
        assert (ended.returncode, bool(ended.stderr)) == (0, bool(warning)), ended.stderr
        assert warning in ended.stderr


@contextlib.contextmanager
def session(url: str) -> Iterator[psycopg2.extensions.cursor]:
    with contextlib.closing(psycopg2.connect(url)) as one:
        one.autocommit = True
        with one.cursor() as cursor:
            yield cursor


@pytest.fixture(params=["the server of the tests", "PostgreSQL 15"])
def server(request, market_db) -> Iterator[Server]:
    own = request.param == "PostgreSQL 15"
    major = 15 if own else connection.pg_version // 10_000
    programs = find_programs(major)
    if programs is None:
        pytest.skip(f"the programs of PostgreSQL {major} are not on this machine: restoring is NOT tested with it")
    if not own:
        database = connection.settings_dict["NAME"]
        yield Server(programs, database_url().replace(f"/{database}?", "/{database}?"))
        return
    with temporary_server(programs) as url:
        user = "postgres"
        if is_ordinary(request.config):
            user = OWNER
            with session(url.format(user="postgres", database="postgres")) as cursor:
                cursor.execute(f"CREATE ROLE {user} LOGIN CREATEDB")
        yield Server(programs, url.format(user=user, database="{database}"))


@pytest.mark.slow
def test_a_restored_database_has_every_trigger_and_loads_a_file(server, tmp_path):
    first, corrected, second = bars(2000), bars(50), bars(500, first=2000)
    corrected["volume"] += 1
    files = [write(tmp_path / f"{n}.dbn", rows) for n, rows in enumerate((first, corrected, second))]
    with server.database() as source, server.database() as target:
        for ended in (
            run(command="migrate", url=source),
            run("--input", *files[:2], url=source),
            run("2", command="undo_run", url=source),
        ):
            assert (ended.code, ended.err) == (0, "")
        server.run("pg_dump", "-Fc", "-f", tmp_path / "dump", "-d", source)
        server.run("pg_restore", "--exit-on-error", "-d", target, tmp_path / "dump")

        assert read(target, _TRIGGERS) == read(source, _TRIGGERS)
        assert read(target, _FUNCTIONS) == read(source, _FUNCTIONS)
        assert len(read(target, _TRIGGERS)) > 10
        assert read(target, _PARTITIONS) == read(source, _PARTITIONS)
        assert len(read(target, _PARTITIONS)) > 10
        with session(target) as cursor, pytest.raises(psycopg2.errors.RestrictViolation):
            cursor.execute("DELETE FROM market_bars_ohlcv_1m_2024")
        loaded = run("--input", files[2], url=target)
        assert (loaded.code, loaded.err) == (0, "")
        assert run(command="verify_candles", url=target).code == 0
        assert read(target, "SELECT sum(bar_count) FROM market_bars_ohlcv_1h") == [(2500,)]
        assert read(target, "SELECT kind, count(*) FROM data_ingest_runs GROUP BY 1 ORDER BY 1") == [
            ("file", 3),
            ("undo", 1),
        ]
        with session(target) as cursor, pytest.raises(psycopg2.errors.RestrictViolation):
            cursor.execute("DELETE FROM market_bars_ohlcv_1h")


@pytest.mark.slow
def test_a_dump_of_the_data_alone_is_restored_into_a_migrated_database(server, tmp_path):
    first, corrected, second = bars(2000), bars(50), bars(500, first=2000)
    corrected["volume"] += 1
    files = [write(tmp_path / f"{n}.dbn", rows) for n, rows in enumerate((first, corrected, second))]
    with server.database() as source, server.database() as target:
        assert run(command="migrate", url=source).code == run(command="migrate", url=target).code == 0
        assert run("--input", *files[:2], url=source).code == run("2", command="undo_run", url=source).code == 0
        with session(target) as cursor:
            cursor.execute("DELETE FROM market_series")
        server.run("pg_dump", *DATA_ONLY, "-f", tmp_path / "data.dump", "-d", source, warning="circular foreign-key")
        server.run("pg_restore", "--exit-on-error", "--single-transaction", "-d", target, tmp_path / "data.dump")

        for table in DATA_TABLES:
            every_row = f"SELECT * FROM {table} ORDER BY 1, 2"  # noqa: S608
            assert read(target, every_row) == read(source, every_row)
        assert run(command="verify_candles", url=target).code == 0
        loaded = run("--input", files[2], url=target)
        assert (loaded.code, loaded.err) == (0, "")
        assert read(target, "SELECT sum(bar_count) FROM market_bars_ohlcv_1h") == [(2500,)]
        assert read(target, "SELECT max(id) FROM data_ingest_runs") == [(4,)]


@pytest.mark.slow
def test_a_dump_that_is_made_while_years_are_copied_is_partitioned_after_its_restore(server, tmp_path):
    """The numbers of transactions in the dump mean nothing in the restored database."""
    files = [write(tmp_path / f"{number}.dbn", bars(500, first=500 * number)) for number in range(2)]
    with server.database() as source, server.database() as target:
        assert run(command="migrate", url=source).code == run("--input", files[0], url=source).code == 0
        with session(source) as cursor:
            cursor.execute(MAKE_WHOLE)
        assert run(command="install_functions", url=source).code == 0
        with session(source) as cursor:
            cursor.execute("BEGIN; LOCK TABLE market_bars_ohlcv_1m IN ROW SHARE MODE")  # EXCLUSIVE waits for it
            with Process("--verbose", command="partition_bars", url=source) as process:
                while "Waiting for" not in process.read_error_line():
                    pass
            cursor.execute("ROLLBACK")
        server.run("pg_dump", "-Fc", "-f", tmp_path / "dump", "-d", source)
        server.run("pg_restore", "--exit-on-error", "-d", target, tmp_path / "dump")
        assert read(target, "SELECT count(*) > 10 FROM market_bars_partitioning") == [(True,)]
        assert run("--input", files[1], url=target).code == 0
        ended = run("--verbose", command="partition_bars", url=target)
        assert (ended.code, "Copying 2010" in ended.err) == (0, True)
        assert read(target, "SELECT count(*) FROM market_bars_ohlcv_1m") == [(1000,)]
        assert run(command="verify_candles", url=target).code == 0
        assert read(target, "SELECT to_regclass('market_bars_partitioning')") == [(None,)]


def test_the_readme_has_this_dump():
    readme = " ".join(Path(settings.BASE_DIR, "marketdata/README.md").read_text().replace("\\\n", "").split())
    assert f"pg_dump {' '.join(DATA_ONLY)} -f data.dump" in readme


def read(url: str, sql: str) -> list[tuple]:
    with session(url) as cursor:
        cursor.execute(sql)
        return cursor.fetchall()
