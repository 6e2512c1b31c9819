"""A worker process uses the parent's database and ends with the parent."""

import signal

import psutil

from config.testing.batches import list_workers
from config.testing.builders import ingest
from config.testing.processes import Process, running, series_locked, until
from marketdata.models import Bar, IngestRun
from marketdata.runs.locks import close_orphaned_runs


def test_workers_use_the_parents_database_not_that_of_the_settings(market_db, four, tmp_path):
    printed = ingest(tmp_path, jobs=2).out
    assert "4 files: 4 loaded, 0 skipped, 0 failed." in printed
    assert printed.count("INGESTION COMPLETE") == 4
    assert Bar.objects.count() == 20


def test_workers_end_when_the_command_is_killed(market_db, four, tmp_path):
    with series_locked(), Process("--input", tmp_path, "--jobs", 2) as process:
        until(lambda: IngestRun.objects.filter(status="running").count() == 2)
        workers = list_workers(process)
        process.signal(signal.SIGKILL)
        process.end()
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() for worker in workers)
    until(lambda: close_orphaned_runs() or not running())
    assert not running()
    assert IngestRun.objects.count() == 2, "a file was started after the command had been killed"
