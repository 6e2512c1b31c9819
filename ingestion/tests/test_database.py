"""A database that cannot be used: one sentence, exit code 1, and nothing else."""

from pathlib import Path

import pytest
from django.db import connection

from config.testing.builders import bars, write
from config.testing.database.servers import find_installed_programs, temporary_server
from config.testing.processes import database_url, run, session
from config.testing.rows import execute_one
from ingestion.database import require_database
from ingestion.errors import DatabaseUnavailable
from marketdata import database
from marketdata.command_line import manage


def refused(path: Path, url: str, *options: str) -> str:
    ended = run("--input", path, *options, url=url)
    assert ended.code == 1
    assert ended.out == ""
    assert "Traceback" not in ended.err
    return ended.sentence


@pytest.fixture
def path(tmp_path) -> Path:
    return write(tmp_path / "mnq.dbn", bars())


@pytest.mark.parametrize("options", [[], ["--skip-ingested"], ["--dry-run"]], ids=" ".join)
def test_an_unreachable_server_is_reported(path, options):
    sentence = refused(path, "postgres://postgres@127.0.0.1:1/nothing", *options)

    assert sentence.startswith("The database cannot be used: ")
    assert "Connection refused" in sentence
    assert sentence.endswith("Check DATABASE_URL, and that the server runs.")


def test_an_unreachable_server_is_reported_once_for_many_files(path, tmp_path):
    other = write(tmp_path / "other.dbn", bars())
    ended = run("--input", path, other, url="postgres://postgres@127.0.0.1:1/nothing")

    assert ended.code == 1
    assert "Connection refused" in ended.sentence
    assert ended.out == "2 files: 0 loaded, 0 skipped, 1 failed, 1 not reached.\n"


def test_a_missing_database_is_reported(market_db, path):
    sentence = refused(path, database_url().replace(f"/{connection.settings_dict['NAME']}?", "/missing_database?"))
    assert 'database "missing_database" does not exist' in sentence


@pytest.mark.slow
def test_unapplied_migrations_are_reported(market_db, path):
    with session() as other:
        other.execute("DROP DATABASE IF EXISTS test_barkeep_empty")
        other.execute("CREATE DATABASE test_barkeep_empty")
        try:
            url = database_url().replace(f"/{connection.settings_dict['NAME']}?", "/test_barkeep_empty?")
            sentence = refused(path, url)
        finally:
            other.execute("DROP DATABASE test_barkeep_empty WITH (FORCE)")

    assert sentence.startswith("The database lacks ")
    assert sentence.endswith(f"run `{manage()} migrate` first.")


@pytest.fixture
def guarded_server():
    """A separate server that requires the password "right"; its URL without one."""
    programs = find_installed_programs()
    if programs is None:
        pytest.skip("no initdb on this machine: a wrong password is NOT tested")
    with temporary_server(programs, password="right") as url:
        yield url.format(user="postgres:{}", database="postgres")


def test_a_wrong_password_is_reported_without_it(guarded_server, path):
    sentence = refused(path, guarded_server.format("wrong"))
    assert 'password authentication failed for user "postgres"' in sentence
    assert "wrong" not in sentence

    assert "lacks" in refused(path, guarded_server.format("right"))


def test_an_old_server_is_refused(market_db, monkeypatch):
    monkeypatch.setattr(connection, "pg_version", 140_009)
    database._require_schema.cache_clear()
    with pytest.raises(DatabaseUnavailable, match="is PostgreSQL 14: version 15 or newer is needed"):
        require_database()


def test_migrations_are_read_once_per_process(market_db, monkeypatch):
    database._require_schema.cache_clear()
    require_database()
    monkeypatch.setattr(database, "_applied", None)
    require_database()


def test_a_connection_that_was_cut_while_idle_is_replaced(market_db):
    require_database()
    first = execute_one("SELECT pg_backend_pid()")
    with session() as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [first])
    require_database()
    assert execute_one("SELECT pg_backend_pid()") != first


@pytest.mark.parametrize("command", ["verify_candles", "make_api_token research", "undo_run 1"])
def test_other_commands_report_an_unreachable_server_likewise(command):
    name, *arguments = command.split()
    ended = run(*arguments, command=name, url="postgres://postgres@127.0.0.1:1/nothing")
    assert (ended.code, ended.out) == (1, "")
    assert ended.sentence.startswith("The database cannot be used: ")
    assert ended.sentence.endswith("Check DATABASE_URL, and that the server runs.")


def test_an_error_of_the_database_during_a_command_is_reported(market_db):
    trouble = pytest.raises(database.UnusableDatabase, match=r"could not do its part .*no_such_table")
    with trouble, database.usable_database(), connection.cursor() as cursor:
        cursor.execute("SELECT * FROM no_such_table")


@pytest.mark.parametrize(
    "command", ["ingest_dbn", "undo_run", "make_sample_dbn", "make_api_token", "verify_candles", "install_functions"]
)
def test_the_help_of_each_command_has_examples_that_can_be_typed_here(command):
    ended = run("--help", command=command, url="")
    assert ended.code == 0
    assert "\nexamples:\n" in ended.out
    assert f"\n    {manage()} {command}" in ended.out
    assert "{" not in ended.out.partition("examples:")[2]
