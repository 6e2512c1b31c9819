"""Tests run side by side in one server: what they ask of the server, or create in it, concerns their database alone."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from django.db import connection

from config.testing.database.claim import claim_database, drop_database
from config.testing.database.empty import empty_tables
from config.testing.database.scratch import scratch_database
from config.testing.processes import session
from config.testing.rows import RUNS, execute, execute_one, insert
from config.tests.test_structure import ROOT, TESTS, find_texts, list_modules

SESSIONS = re.compile(r"\b(FROM|JOIN)\s+(pg_catalog\.)?(pg_stat_activity|pg_locks)\b", re.IGNORECASE)
OWN = re.compile(r"current_database\(\)|\bpid\s*=\s*(%s|…)", re.IGNORECASE)
ROLES = re.compile(r"\bCREATE\s+(ROLE|USER)\b(?!\s+MAPPING)", re.IGNORECASE)
# The first has the context manager; the second creates roles in a server of its own.
MAY_CREATE_ROLES = {"config/testing/database/scratch.py", "ingestion/tests/test_restore.py"}


def find_shared_queries(tree: ast.AST) -> Iterator[int]:
    """Lines with SQL that reads sessions or locks of all databases."""
    texts = [(line, text) for line, text in find_texts(tree) if SESSIONS.search(text)]
    for line, text in texts:
        if not any(text in longer and OWN.search(longer) for _, longer in texts):
            yield line


@pytest.mark.parametrize(
    "source",
    [
        """x = "SELECT count(*) FROM pg_stat_activity WHERE query = 'COMMIT'" """,
        """x = f"SELECT pid FROM pg_stat_activity WHERE query LIKE '{a}'" """,
        'x = "SELECT count(*) FROM pg_locks " + "WHERE NOT granted"',
        'x = "select pid\\nfrom\\n  pg_catalog.pg_stat_activity"',
        'x = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"',
    ],
)
def test_the_guard_finds_queries_on_all_databases(source):
    assert [*find_shared_queries(ast.parse(source))]


@pytest.mark.parametrize(
    "source",
    [
        'x = f"SELECT pid FROM pg_stat_activity {b} WHERE datname = current_database() AND {a}"',
        'x = "SELECT pid FROM pg_stat_activity " + "WHERE datname = current_database()"',
        'x = "SELECT FROM pg_stat_activity WHERE pid = %s"',
        'x = "the view pg_stat_activity shows sessions"',
    ],
)
def test_the_guard_passes_queries_on_one_database(source):
    assert not [*find_shared_queries(ast.parse(source))]


def read_tests() -> Iterator[tuple[str, ast.Module]]:
    for path in list_modules():
        if TESTS.search(path) and path != "config/tests/test_side_by_side.py":
            yield path, ast.parse((ROOT / path).read_text(), path)


def test_queries_on_sessions_and_locks_name_the_database():
    found = [f"{path}:{line}" for path, tree in read_tests() for line in find_shared_queries(tree)]
    assert found == [], "add datname = current_database(): other tests run in other databases of this server"


def test_roles_have_the_name_of_their_database():
    found = {path for path, tree in read_tests() for _, text in find_texts(tree) if ROLES.search(text)}
    assert found == MAY_CREATE_ROLES, "use temporary_role: all databases of a server share its roles"


def test_another_run_of_the_tests_cannot_use_the_database(market_db):
    with (
        pytest.raises(pytest.exit.Exception, match="Another run of the tests"),
        claim_database(connection.settings_dict["NAME"]),
    ):
        pass


def test_a_database_is_dropped_while_a_killed_program_waits_in_it(market_db):
    with scratch_database() as name, session() as other:
        other.execute("SELECT 1")
        drop_database(name)
        drop_database(name)
    assert not execute_one("SELECT count(*) FROM pg_database WHERE datname = %s", name)


@pytest.mark.parametrize("rows", [3, 30_000])
def test_tables_and_series_become_what_they_were(market_db, rows):
    """Few rows are deleted; many are truncated."""
    before = execute_one("SELECT jsonb_agg(one)::text FROM market_series AS one")
    insert(RUNS, id=1)
    execute("SELECT nextval('data_ingest_runs_id_seq')")
    execute("SELECT market_bars_add_partitions(ARRAY[1970])")
    execute(
        "INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)"
        " SELECT 'A', to_timestamp(60 * n), 60000 * n, 1, 1, 1, 1, 1, 1 FROM generate_series(1, %s) AS n",
        rows,
    )
    execute("UPDATE market_series SET vendor_symbols = '{X}', name = 'Other'; DELETE FROM market_series WHERE id > 1")
    empty_tables()
    for table in ("market_bars_ohlcv_1m", "market_bars_ohlcv_1h", "market_series_counts", "data_ingest_runs"):
        assert execute_one(f"SELECT count(*) FROM {table}") == 0  # noqa: S608
    assert execute_one("SELECT jsonb_agg(one)::text FROM market_series AS one") == before
    assert execute_one("SELECT nextval('data_ingest_runs_id_seq')") == 1
