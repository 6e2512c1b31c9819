"""A database that lost a function or a trigger: ingest_dbn refuses it, and install_functions mends it."""

import pytest
from django.db import connection

from config.testing.builders import bars, write
from config.testing.database.scratch import forget_checks, temporary_role
from config.testing.processes import database_url, run
from config.testing.rollup import assert_rollup_matches
from marketdata.command_line import manage
from marketdata.models import Bar, IngestRun
from marketdata.sql.install import install_functions

pytestmark = pytest.mark.ordinary_role

ON_BARS = "trigger bars_rollup_on_insert on market_bars_ohlcv_1m"
FAULTS = {
    "DROP TRIGGER bars_rollup_on_insert ON market_bars_ohlcv_1m": f"{ON_BARS} is missing",
    "ALTER TABLE market_bars_ohlcv_1m DISABLE TRIGGER bars_rollup_on_insert": f"{ON_BARS} is disabled",
    "CREATE OR REPLACE FUNCTION market_rollup_add_bars() RETURNS trigger LANGUAGE plpgsql AS"
    " 'BEGIN RETURN NULL; END'": "function market_rollup_add_bars differs",
}


@pytest.fixture
def database(market_db):
    """The functions and triggers are installed again after the test."""
    yield
    install_functions()
    forget_checks()


def execute(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


@pytest.mark.parametrize(("sql", "fault"), FAULTS.items(), ids=FAULTS.values())
def test_ingest_dbn_refuses_a_database_without_functions_until_they_are_installed(database, tmp_path, sql, fault):
    first, second = write(tmp_path / "first.dbn", bars(100)), write(tmp_path / "second.dbn", bars(70, first=100))
    assert run("--input", first).code == 0
    execute(sql)

    ended = run("--input", second)
    assert (ended.code, ended.out) == (1, "")
    assert f"{fault}): run `{manage()} install_functions` first." in ended.sentence
    assert (Bar.objects.count(), IngestRun.objects.count()) == (100, 1)

    execute("DELETE FROM market_bars_ohlcv_1m WHERE volume % 2 = 0")  # meanwhile, in spite of what is missing
    installed = run(command="install_functions")
    assert (installed.code, installed.err) == (0, "")
    assert installed.out.endswith(f"run `{manage()} verify_candles --repair` now.\n")
    assert run("--repair", command="verify_candles").code == 0
    assert run("--input", second).code == 0
    assert_rollup_matches()


@pytest.mark.parametrize("command", ["verify_candles", "undo_run 1"])
def test_other_commands_refuse_a_database_without_functions(database, command):
    execute("DROP TRIGGER hours_guard_writes ON market_bars_ohlcv_1h")
    name, *arguments = command.split()
    ended = run(*arguments, command=name)
    assert (ended.code, ended.out) == (1, "")
    assert "trigger hours_guard_writes on market_bars_ohlcv_1h is missing" in ended.sentence


@pytest.mark.superuser
def test_only_the_owner_can_install_functions(database):
    with temporary_role("reader") as role:
        execute(f"GRANT SELECT ON django_migrations TO {role}")
        owner = connection.settings_dict["USER"]
        ended = run(command="install_functions", url=database_url().replace(f"//{owner}@", f"//{role}@"))
        assert ended.code == 1
        assert ended.sentence.endswith("connect as the owner of the tables, or as a superuser.")
