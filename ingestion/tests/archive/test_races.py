"""Other programs at the same time, killed commands, and roles."""

from __future__ import annotations

import os
import signal
import time
from datetime import date

import pytest
from django.core.management import CommandError
from django.db import connection

from config.testing.builders import FRONT, at, ingest, write
from config.testing.database.scratch import temporary_role
from config.testing.processes import Process, database_url, run, scale_limit, session, until
from config.testing.undo import undo
from ingestion.archive import archiving, copying, statements
from ingestion.loading.locks import lock_series
from ingestion.tests.archive.conftest import (
    YEAR,
    bars_on,
    list_records,
    list_tables,
    read_all,
    read_derived,
    run_command,
)
from marketdata.advisory_locks import LAKE_EXPORT, PARTITIONS
from marketdata.models import ArchivedYear, Bar, IngestRun

pytestmark = pytest.mark.slow

DETACHED = ("market_bars_ohlcv_1m_2024", False)


def write_year(folder, year: int):
    span = date(year, 1, 1), date(year + 1, 1, 1)
    return write(
        folder / "new.dbn", bars_on(date(year, 5, 5)), mappings={"MNQ.c.0": [(*span, FRONT)]},
        start=at(0, day=span[0]), end=at(0, day=span[1]),
    )  # fmt: skip


def start_archive(archive, *options: str) -> Process:
    return Process(str(YEAR), "--lake", archive.folder, *options, command="archive_year")


def test_it_waits_for_a_running_load_and_readers_do_not(archive, tmp_path):
    with session() as loading:
        loading.execute("BEGIN")
        loading.execute("LOCK TABLE market_bars_ohlcv_1m IN ROW EXCLUSIVE MODE")
        with start_archive(archive) as process:
            until(_has_waiting)
            time.sleep(0.5)
            started = time.monotonic()
            assert Bar.objects.count() == 720
            with connection.cursor() as cursor:  # another load does not wait either, for longer than an attempt
                cursor.execute("BEGIN; LOCK TABLE market_bars_ohlcv_1m IN ROW EXCLUSIVE MODE; COMMIT")
            assert time.monotonic() - started < scale_limit(2)
            assert list_records() == []
            loading.execute("ROLLBACK")
            ended = process.end()
    assert ended.code == 0, ended.err
    assert "Waiting for a session of another program" in ended.err
    assert ended.err.count("Waiting") == 1
    assert DETACHED in list_tables()


@pytest.mark.parametrize("drop", [False, True])
def test_a_restore_waits_for_an_index_that_is_built(archive, drop):
    """What is loaded from the lake stays meanwhile."""
    archive.run(drop=drop)
    with session() as building:
        building.execute("BEGIN; LOCK TABLE market_bars_ohlcv_1m IN SHARE MODE")
        with Process(str(YEAR), command="restore_year") as process:
            waiting = process.read_error_line()
            assert len(list_records()) == 1
            building.execute("COMMIT")
            ended = process.end()
    assert waiting.startswith("Waiting for a session of another program: ")
    assert ended.code == 0, ended.err
    assert (list_records(), len(read_all())) == ([], 720)


def test_ctrl_c_while_it_waits(archive):
    with session() as reading:
        reading.execute("BEGIN; SELECT count(*) FROM market_bars_ohlcv_1m")
        with start_archive(archive) as process:
            until(_has_waiting)
            process.press_ctrl_c()
            ended = process.end()
        reading.execute("ROLLBACK")
    assert ended.code == 130
    assert "interrupted: no bar is lost; run the same command again to archive the year" in ended.err
    assert (list_records(), len(read_all())) == ([], 720)
    archive.run()


def _has_waiting() -> bool:
    with session() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) WHERE NOT granted "
            "AND locktype = 'relation' AND datname = current_database()"
        )
        return cursor.fetchone()[0] > 0


def test_a_load_that_waits_meanwhile_sees_the_archived_year(archive, tmp_path, monkeypatch):
    """It reaches the lock while the year is detached, and must not make a partition of its own."""
    path = write_year(tmp_path, 2024)
    processes = []

    def detach_beside_a_load(cursor, statement):
        processes.append(Process("--input", path, command="ingest_dbn"))
        until(_has_waiting)
        execute_soon(cursor, statement)

    execute_soon = archiving.execute_soon
    monkeypatch.setattr(archiving, "execute_soon", detach_beside_a_load)
    archive.run()
    ended = processes[0].end()
    assert ended.code == 1
    assert "has bars of 2024, which is archived in the lake: run restore_year 2024 first" in ended.err
    assert DETACHED in list_tables()
    assert IngestRun.objects.latest("pk").status == "failed"


def test_a_load_of_another_year_goes_on_during_the_comparison(archive, tmp_path, monkeypatch):
    def compare_beside_a_load(*arguments, **options):
        ended = run("--input", write_year(tmp_path, 2025), command="ingest_dbn")
        assert ended.code == 0, ended.err
        return damages(*arguments, **options)

    damages = archiving._refuse_damages
    monkeypatch.setattr(archiving, "_refuse_damages", compare_beside_a_load)
    archive.run()
    assert Bar.objects.filter(ts__year=2025).count() == 360


def test_one_command_at_a_time(archive):
    with session() as other:
        other.execute("BEGIN")
        other.execute("SELECT pg_advisory_xact_lock(%s, %s)", PARTITIONS)
        assert "Another command partitions the table of bars" in archive.refuse()
        other.execute("ROLLBACK; BEGIN")
        other.execute("SELECT pg_advisory_xact_lock(%s, %s)", LAKE_EXPORT)
        assert "Another export of this database is running" in archive.refuse()
        other.execute("ROLLBACK")
    archive.run()


STEPS = (
    (statements, "record_archived", "archive_year", ()),
    (statements, "make_detach", "archive_year", ()),
    (statements, "drop_detached", "archive_year", ("--drop",)),
    (statements, "prepare_attach", "restore_year", ()),
    (statements, "finish_attach", "restore_year", ()),
    (statements, "create_detached", "restore_year", ("--dropped",)),
    (copying, "copy_files", "restore_year", ("--dropped",)),
    (statements, "finish_attach", "restore_year", ("--dropped",)),
)


@pytest.mark.parametrize(("module", "name", "command", "options"), STEPS)
def test_killed_after_a_step(archive, monkeypatch, module, name, command, options):
    """The session ends in the middle of the transaction, as after kill -9. The same command then works."""
    before, derived, tables = read_all(), read_derived(), list_tables()
    if command == "restore_year":
        archive.run(drop="--dropped" in options)
    arguments = {"lake": str(archive.folder), "drop": "--drop" in options} if command == "archive_year" else {}

    def step_and_die(*values, **named):
        result = step(*values, **named)
        with session() as other:
            other.execute("SELECT pg_terminate_backend(%s)", [connection.connection.get_backend_pid()])
            until(lambda: not _is_alive(other, connection.connection.get_backend_pid()))
        return result

    step = getattr(module, name)
    with monkeypatch.context() as patched:
        patched.setattr(module, name, step_and_die)
        if name == "copy_files":
            patched.setattr("ingestion.archive.restoring.copy_files", step_and_die)
        records = list_records()
        with pytest.raises(Exception, match="connection"):
            run_command(command, YEAR, **arguments)
    connection.close()
    if name != "drop_detached":
        assert list_records() == records
    run_command(command, YEAR, **arguments)
    if command == "archive_year":
        archive.restore()
    assert (read_all(), read_derived(), list_tables(), list_records()) == (before, derived, tables, [])


def _is_alive(cursor, pid: int) -> bool:
    cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE pid = %s", [pid])
    return cursor.fetchone()[0] > 0


def test_kill_9(archive):
    with session() as reading:
        reading.execute("BEGIN; SELECT count(*) FROM market_bars_ohlcv_1m")
        with start_archive(archive) as process:
            until(_has_waiting)
            os.kill(process.pid, signal.SIGKILL)
            process.end()
        reading.execute("ROLLBACK")
    assert (list_records(), len(read_all())) == ([], 720)
    archive.run(drop=True)
    archive.restore()


def test_two_commands_at_once(archive):
    """One archives the year; the other finds it archived, or is refused."""
    with start_archive(archive) as first, start_archive(archive) as second:
        ended = [first.end(), second.end()]
    assert 0 in [one.code for one in ended]
    assert ArchivedYear.objects.count() == 1
    assert all("Traceback" not in one.err for one in ended)


def test_a_role_that_does_not_own_the_table(archive):
    user = connection.settings_dict["USER"]
    with temporary_role("reader", "LOGIN IN ROLE pg_read_all_data") as role:
        url = database_url().replace(f"//{user}@", f"//{role}@")
        ended = run(str(YEAR), "--lake", archive.folder, command="archive_year", url=url)
        assert ended.code == 1
        assert "so nothing was changed" in ended.err
        assert "Traceback" not in ended.err
        ended = run(str(YEAR), "--lake", archive.folder, "--dry-run", command="archive_year", url=url)
        assert ended.code == 0, ended.err


@pytest.mark.parametrize("module", ["ingestion.pipeline", "ingestion.undo.pipeline"])
def test_a_year_that_is_archived_while_a_writer_waits_for_a_series(archive, tmp_path, monkeypatch, module):
    [undone] = IngestRun.objects.filter(min_ts__year=YEAR)
    path = write_year(tmp_path, YEAR)

    def archive_and_lock(cursor, symbols):
        if not list_records():
            ended = run(str(YEAR), "--lake", archive.folder, command="archive_year")
            assert ended.code == 0, ended.err
        lock_series(cursor, symbols)

    monkeypatch.setattr(f"{module}.lock_series", archive_and_lock)
    with pytest.raises(CommandError, match=r"2024, which is archived in the lake: run restore_year 2024 first"):
        if module == "ingestion.pipeline":
            ingest(path)
        else:
            undo(undone.pk)
    assert DETACHED in list_tables()
    assert Bar.objects.count() == 480
