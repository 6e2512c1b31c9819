"""A parallel batch gives the same table as a sequential one, and one report."""

import json
import signal

import pytest

from config.testing.batches import list_workers, write_contract
from config.testing.builders import bars, exact, stored, write
from config.testing.processes import Process, backend_in, run, series_locked, until
from ingestion.batch.parallel import find_series_slugs
from ingestion.batch.schedule import Schedule
from ingestion.options import IngestOptions
from ingestion.progress import Progress
from marketdata.models import Bar, IngestRun


def test_all_files_are_loaded_and_reported_in_their_order(market_db, four, tmp_path):
    result = json.loads(run("--input", tmp_path, "--jobs", 3, "--json").out)

    assert [entry["file"] for entry in result["files"]] == [str(path) for path in four]
    assert {entry["status"] for entry in result["files"]} == {"success"}
    for path in four:
        assert stored(path.stem.upper()) == exact(bars(5))
    assert IngestRun.objects.filter(status="success").count() == 4


def test_the_later_of_two_files_wins_with_any_number_of_jobs(market_db, tmp_path):
    for number in range(6):
        records = bars(5)
        records["volume"] = 1000 + number
        write_contract(tmp_path, f"{number}", "SAME", records)
    write_contract(tmp_path, "other", "OTHER")

    assert run("--input", tmp_path, "--jobs", 4).code == 0

    same = IngestRun.objects.filter(symbols=["SAME"]).order_by("pk")
    assert [ingested.file_name for ingested in same] == [f"{number}.dbn" for number in range(6)]
    assert [ingested.changed_count for ingested in same] == [0, 5, 5, 5, 5, 5]
    assert set(Bar.objects.filter(symbol="SAME").values_list("volume", flat=True)) == {1005}


@pytest.mark.slow
def test_files_that_cannot_run_in_parallel_start_no_worker(market_db, tmp_path):
    """Starting a process takes longer than loading a small file."""
    for number in range(3):
        write_contract(tmp_path, f"{number}", "SAME")

    with series_locked(), Process("--input", tmp_path, "--jobs", 2) as process:
        until(lambda: backend_in("SELECT pg_advisory_xact_lock%"))
        assert list_workers(process) == []
        process.signal(signal.SIGTERM)
        ended = process.end()
    assert (ended.code, ended.out) == (143, "3 files: 0 loaded, 0 skipped, 1 failed, 2 not reached.\n")

    assert "3 files: 3 loaded, 0 skipped, 0 failed." in run("--input", tmp_path, "--jobs", 2).out


@pytest.mark.slow
def test_a_bad_file_does_not_stop_the_others(market_db, four, tmp_path):
    four[1].write_bytes(b"noise")
    ended = run("--input", tmp_path, "--jobs", 2)
    assert ended.code == 1
    assert "4 files: 3 loaded, 0 skipped, 1 failed." in ended.out
    assert f"❌ {four[1]} is not a DBN file" in ended.err
    assert "1 of 4 files failed." in ended.err
    assert IngestRun.objects.get(status="failed").file_name == "b.dbn"


@pytest.mark.slow
def test_a_dry_run_changes_nothing(market_db, four, tmp_path):
    ended = run("--input", tmp_path, "--jobs", 2, "--dry-run")
    assert ended.out.count("Would insert: 5") == 4
    assert (Bar.objects.count(), IngestRun.objects.count()) == (0, 0)


@pytest.mark.slow
def test_files_already_loaded_are_skipped(market_db, four, tmp_path):
    run("--input", four[2])
    ended = run("--input", tmp_path, "--jobs", 2, "--skip-ingested")
    assert "4 files: 3 loaded, 1 skipped, 0 failed." in ended.out


@pytest.mark.slow
def test_an_unusable_database_is_reported_once(four, tmp_path):
    ended = run("--input", tmp_path, "--jobs", 2, url="postgres://u@127.0.0.1:1/nothing")
    assert (ended.code, ended.out) == (1, "4 files: 0 loaded, 0 skipped, 1 failed, 3 not reached.\n")
    assert ended.sentence.startswith("The database cannot be used")


# --- In order --------------------------------------------------------------------------------------------------------


def must_run_in_order(one, other) -> bool:
    schedule = Schedule([one, other], lambda path: find_series_slugs(path, IngestOptions(), Progress()))
    return bool(schedule.start_next()) and schedule.start_next() is None


def test_symbols_with_the_same_slug_run_in_order(market_db, tmp_path):
    assert must_run_in_order(write_contract(tmp_path, "1", "NQ A"), write_contract(tmp_path, "2", "NQ.A"))
    assert not must_run_in_order(write_contract(tmp_path, "3", "NQ A"), write_contract(tmp_path, "4", "NQB"))


def test_a_file_waits_for_an_earlier_one_that_may_create_its_series(market_db, tmp_path):
    write_contract(tmp_path, "1", "ES.c.0")
    write(tmp_path / "2.dbn", bars(5, first=1440), symbols=(), mappings={})  # for the default series
    ended = run("--input", tmp_path, "--jobs", 2, DEFAULT_SERIES="es-c-0")
    assert "2 files: 2 loaded, 0 skipped, 0 failed." in ended.out
    assert len(stored("ES.c.0")) == 10
