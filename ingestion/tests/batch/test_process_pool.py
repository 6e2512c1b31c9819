"""The worker processes of a batch are stopped together, and one that is killed affects only its own file."""

import contextlib
import os
import signal

import psutil
import pytest
from django.db import connection, transaction

from config.testing.batches import list_workers, write_contract
from config.testing.processes import Process, running, series_locked, until
from ingestion.errors import ProcessDied
from ingestion.loading.locks import lock_series
from marketdata.models import Bar, IngestRun
from marketdata.runs.locks import close_orphaned_runs

pytestmark = pytest.mark.slow


@contextlib.contextmanager
def locked(symbol: str):
    """While another session writes this series."""
    with transaction.atomic(), connection.cursor() as cursor:
        lock_series(cursor, [symbol])
        yield


@pytest.mark.parametrize(
    "stop, code",
    [
        (Process.press_ctrl_c, 130),
        (lambda process: process.signal(signal.SIGINT), 130),
        (lambda process: process.signal(signal.SIGTERM), 143),
    ],
    ids=["Ctrl-C", "SIGINT", "SIGTERM"],
)
def test_stopping_the_command_stops_all_workers(market_db, four, tmp_path, stop, code):
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


def test_ctrl_c_before_the_workers_are_ready_leaves_no_traceback(market_db, four, tmp_path):
    with Process("--input", tmp_path, "--jobs", 2) as process:
        until(lambda: list_workers(process))
        process.press_ctrl_c()
        ended = process.end(10)
    assert ended.code == 130
    assert ended.sentence.startswith("interrupted")
    assert not IngestRun.objects.filter(status="running").exists()


def test_a_worker_that_is_killed_fails_only_its_own_file(market_db, four, tmp_path):
    with Process("--input", tmp_path, "--jobs", 2) as process, locked("A"):
        until(lambda: IngestRun.objects.filter(status="success").count() == 3 and running())
        os.kill(list_workers(process)[0].pid, signal.SIGKILL)  # the first worker has the first file
        ended = process.end(20)

    assert ended.code == 1
    assert "4 files: 3 loaded, 0 skipped, 1 failed." in ended.out
    assert f"❌ {ProcessDied(four[0], -signal.SIGKILL)}" in ended.err
    until(close_orphaned_runs)  # when the server has noticed as well
    assert IngestRun.objects.get(status="failed").file_name == "a.dbn"


def test_a_worker_that_is_killed_while_idle_is_replaced(market_db, tmp_path):
    for name, symbol in (("1", "A"), ("2", "B"), ("3", "B"), ("4", "B")):
        write_contract(tmp_path, name, symbol)
    with Process("--input", tmp_path, "--jobs", 2) as process:
        with locked("B"):
            until(lambda: IngestRun.objects.filter(status="success").count() == 1 and running())
            idle = list_workers(process)[0]  # the first worker has the first file
            os.kill(idle.pid, signal.SIGKILL)
            until(lambda: idle.status() == psutil.STATUS_ZOMBIE)
        ended = process.end(20)
    assert (ended.code, ended.err) == (0, "")
    assert "4 files: 4 loaded, 0 skipped, 0 failed." in ended.out
