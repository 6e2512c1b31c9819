"""Several processes, one work: the same table, told as one, stopped as one."""

import contextlib
import json
import os
import signal

import psutil
import pytest
from django.db import connection, transaction

from config.testing.builders import bars, exact, ingest, stored, write
from config.testing.processes import Process, backend_in, run, running, series_locked, until
from ingestion.batch.parallel import find_series_slugs
from ingestion.batch.schedule import Schedule
from ingestion.loading.locks import lock_series
from ingestion.options import IngestOptions
from ingestion.progress import Progress
from marketdata.models import Bar, IngestRun
from marketdata.runs.locks import close_orphaned_runs


def contract(folder, name: str, symbol: str, records=None):
    """A file of a series of its own."""
    return write(folder / f"{name}.dbn", bars(5) if records is None else records, symbols=(symbol,), mappings={})


@pytest.fixture
def four(tmp_path):
    return [contract(tmp_path, name, name.upper()) for name in ("a", "b", "c", "d")]


def test_all_are_taken_and_told_in_their_order(market_db, four, tmp_path):
    told = json.loads(run("--input", tmp_path, "--jobs", 3, "--json").out)

    assert [entry["file"] for entry in told["files"]] == [str(path) for path in four]
    assert {entry["status"] for entry in told["files"]} == {"success"}
    for path in four:
        assert stored(path.stem.upper()) == exact(bars(5))
    assert IngestRun.objects.filter(status="success").count() == 4


def test_it_works_within_a_process_that_has_another_database_than_its_settings(market_db, four, tmp_path):
    told = ingest(tmp_path, jobs=2).out
    assert "4 files: 4 loaded, 0 skipped, 0 failed." in told
    assert told.count("INGESTION COMPLETE") == 4
    assert Bar.objects.count() == 20


def test_of_two_files_the_later_one_stays_however_many_jobs(market_db, tmp_path):
    for number in range(6):
        records = bars(5)
        records["volume"] = 1000 + number
        contract(tmp_path, f"{number}", "SAME", records)
    contract(tmp_path, "other", "OTHER")

    assert run("--input", tmp_path, "--jobs", 4).code == 0

    same = IngestRun.objects.filter(symbols=["SAME"]).order_by("pk")
    assert [ingested.file_name for ingested in same] == [f"{number}.dbn" for number in range(6)]
    assert [ingested.changed_count for ingested in same] == [0, 5, 5, 5, 5, 5]
    assert set(Bar.objects.filter(symbol="SAME").values_list("volume", flat=True)) == {1005}


def test_files_that_cannot_go_beside_each_other_need_no_other_process(market_db, tmp_path):
    """Starting one would take longer than a small file."""
    for number in range(3):
        contract(tmp_path, f"{number}", "SAME")

    with series_locked(), Process("--input", tmp_path, "--jobs", 2) as process:
        until(lambda: backend_in("SELECT pg_advisory_xact_lock%"))
        assert workers_of(process) == []
        process.signal(signal.SIGTERM)
        ended = process.end()
    assert (ended.code, ended.out) == (143, "3 files: 0 loaded, 0 skipped, 1 failed, 2 not reached.\n")

    assert "3 files: 3 loaded, 0 skipped, 0 failed." in run("--input", tmp_path, "--jobs", 2).out


def test_a_bad_file_stops_no_other(market_db, four, tmp_path):
    four[1].write_bytes(b"noise")
    ended = run("--input", tmp_path, "--jobs", 2)
    assert ended.code == 1
    assert "4 files: 3 loaded, 0 skipped, 1 failed." in ended.out
    assert f"❌ {four[1]} is not a DBN file" in ended.err
    assert "1 of 4 files failed." in ended.err
    assert IngestRun.objects.get(status="failed").file_name == "b.dbn"


def test_a_dry_run_of_many_changes_nothing(market_db, four, tmp_path):
    ended = run("--input", tmp_path, "--jobs", 2, "--dry-run")
    assert ended.out.count("Would insert: 5") == 4
    assert (Bar.objects.count(), IngestRun.objects.count()) == (0, 0)


def test_files_that_are_in_are_passed_over(market_db, four, tmp_path):
    run("--input", four[2])
    ended = run("--input", tmp_path, "--jobs", 2, "--skip-ingested")
    assert "4 files: 3 loaded, 1 skipped, 0 failed." in ended.out


def test_without_a_database_it_is_told_once(four, tmp_path):
    ended = run("--input", tmp_path, "--jobs", 2, url="postgres://u@127.0.0.1:1/nothing")
    assert (ended.code, ended.out) == (1, "4 files: 0 loaded, 0 skipped, 1 failed, 3 not reached.\n")
    assert ended.sentence.startswith("The database cannot be used")


def workers_of(process: Process) -> list[psutil.Process]:
    """The processes that take files for it, in the order in which they were started."""
    children = psutil.Process(process.pid).children()
    return sorted(
        (child for child in children if "spawn_main" in " ".join(child.cmdline())),
        key=lambda child: (child.create_time(), child.pid),
    )


@contextlib.contextmanager
def locked(symbol: str):
    """While somebody else writes this series."""
    with transaction.atomic(), connection.cursor() as cursor:
        lock_series(cursor, [symbol])
        yield


# --- Stopped, killed -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "stop, code",
    [
        (Process.press_ctrl_c, 130),
        (lambda process: process.signal(signal.SIGINT), 130),
        (lambda process: process.signal(signal.SIGTERM), 143),
    ],
    ids=["Ctrl-C", "SIGINT", "SIGTERM"],
)
def test_whoever_stops_the_command_stops_all(market_db, four, tmp_path, stop, code):
    with series_locked(), Process("--input", tmp_path, "--jobs", 2) as process:
        until(lambda: IngestRun.objects.filter(status="running").count() == 2)
        stop(process)
        ended = process.end(10)

    assert ended.code == code
    assert ended.out == "4 files: 0 loaded, 0 skipped, 2 failed, 2 not reached.\n"
    assert ended.sentence.startswith("interrupted: nothing of this file was stored")
    assert set(IngestRun.objects.values_list("status", flat=True)) == {"failed"}
    assert IngestRun.objects.count() == 2
    assert not Bar.objects.exists()


def test_ctrl_c_before_the_processes_are_ready_leaves_no_traceback(market_db, four, tmp_path):
    with Process("--input", tmp_path, "--jobs", 2) as process:
        until(lambda: workers_of(process))
        process.press_ctrl_c()
        ended = process.end(10)
    assert ended.code == 130
    assert ended.sentence.startswith("interrupted")
    assert not IngestRun.objects.filter(status="running").exists()


def test_a_process_that_is_killed_takes_its_file_with_it_and_no_other(market_db, four, tmp_path):
    with Process("--input", tmp_path, "--jobs", 2) as process, locked("A"):
        until(lambda: IngestRun.objects.filter(status="success").count() == 3 and running())
        os.kill(workers_of(process)[0].pid, signal.SIGKILL)  # the first was given the first file
        ended = process.end(20)

    assert ended.code == 1
    assert "4 files: 3 loaded, 0 skipped, 1 failed." in ended.out
    assert f"❌ The process that took {four[0]} died (killed by signal 9)" in ended.err
    until(close_orphaned_runs)  # when the server has noticed as well
    assert IngestRun.objects.get(status="failed").file_name == "a.dbn"


def test_when_the_command_is_killed_its_processes_go_too(market_db, four, tmp_path):
    with series_locked(), Process("--input", tmp_path, "--jobs", 2) as process:
        until(lambda: IngestRun.objects.filter(status="running").count() == 2)
        workers = workers_of(process)
        process.signal(signal.SIGKILL)
        process.end()
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() for worker in workers)
    until(lambda: close_orphaned_runs() or not running())
    assert not running()
    assert IngestRun.objects.count() == 2, "no file was begun after the command was gone"


def test_a_process_that_is_killed_while_it_waits_is_not_missed(market_db, tmp_path):
    for name, symbol in (("1", "A"), ("2", "B"), ("3", "B"), ("4", "B")):
        contract(tmp_path, name, symbol)
    with Process("--input", tmp_path, "--jobs", 2) as process:
        with locked("B"):
            until(lambda: IngestRun.objects.filter(status="success").count() == 1 and running())
            idle = workers_of(process)[0]  # the first was given the first file
            os.kill(idle.pid, signal.SIGKILL)
            until(lambda: idle.status() == psutil.STATUS_ZOMBIE)
        ended = process.end(20)
    assert (ended.code, ended.err) == (0, "")
    assert "4 files: 4 loaded, 0 skipped, 0 failed." in ended.out


# --- In order --------------------------------------------------------------------------------------------------------


def series_may_meet(one, other) -> bool:
    """Whether the second file has to wait while the first is taken."""
    schedule = Schedule([one, other], lambda path: find_series_slugs(path, IngestOptions(), Progress()))
    return bool(schedule.start_next()) and schedule.start_next() is None


def test_symbols_that_look_alike_in_an_address_follow_one_another(market_db, tmp_path):
    assert series_may_meet(contract(tmp_path, "1", "NQ A"), contract(tmp_path, "2", "NQ.A"))
    assert not series_may_meet(contract(tmp_path, "3", "NQ A"), contract(tmp_path, "4", "NQB"))


def test_a_file_that_an_earlier_one_may_make_good_waits_for_it(market_db, tmp_path):
    contract(tmp_path, "1", "ES.c.0")
    write(tmp_path / "2.dbn", bars(5, first=1440), symbols=(), mappings={})  # for the default series
    ended = run("--input", tmp_path, "--jobs", 2, DEFAULT_SERIES="es-c-0")
    assert "2 files: 2 loaded, 0 skipped, 0 failed." in ended.out
    assert len(stored("ES.c.0")) == 10
