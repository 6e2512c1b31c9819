"""Connections that go silent: real sockets, and a proxy that stops forwarding."""

from __future__ import annotations

import contextlib
import io
import signal
import threading
import time
from types import SimpleNamespace

import psycopg2
import pytest
from django.db import connection

from config.testing.builders import bars, stored, write
from config.testing.processes import Process, backend_in, scale_limit, series_locked, session, until
from config.testing.proxy import Proxy, open_proxy
from ingestion.cancellation import ENDED_AT_ONCE
from ingestion.progress import Progress
from ingestion.sessions import watch
from ingestion.sessions.watch import ConnectionWatch
from ingestion.tests.test_cancellation import slow_upsert  # noqa: F401
from marketdata.advisory_locks import SERIES_CLASS
from marketdata.models import IngestRun
from marketdata.runs.locks import close_orphaned_runs

WAITING = "SELECT pg_advisory_xact_lock%"
STORING = "%INSERT INTO market_bars%"


class Holders(Progress):
    def __init__(self) -> None:
        self.seen: list[str] = []

    def wait_for(self, holder: str) -> None:
        self.seen.append(holder)


@pytest.fixture
def proxy(market_db):
    with open_proxy() as proxy:
        yield proxy


@pytest.fixture
def quick(monkeypatch):
    for name, seconds in (("SAMPLE", 0.05), ("PROBE", 0.2), ("RESPONSE", 0.5), ("SILENT", 1.0)):
        monkeypatch.setattr(watch, f"{name}_SECONDS", seconds)


@pytest.fixture
def raw(proxy):
    raw = psycopg2.connect(proxy.url)
    yield raw
    raw.close()


@contextlib.contextmanager
def watched(raw, progress: Progress | None = None):
    one = ConnectionWatch(SimpleNamespace(connection=raw), progress or Progress())
    thread = threading.Thread(target=one.run)
    thread.start()
    try:
        yield one
    finally:
        one.stop()
        thread.join()


def test_a_statement_of_a_silent_server_ends(quick, proxy, raw):
    with watched(raw) as one, raw.cursor() as cursor:
        cursor.execute("SELECT 1")
        threading.Timer(0.3, proxy.stall).start()
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT pg_sleep(15)")
    assert one.reason.startswith("the server has not responded for ")


def test_a_statement_whose_connection_alone_is_silent_ends_with_its_session(quick, proxy, raw):
    pid = raw.get_backend_pid()
    with watched(raw) as one, raw.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(1)")
        proxy.stall_existing()
        with pytest.raises(psycopg2.OperationalError):
            cursor.execute("SELECT 1")
    assert one.reason == "nothing has arrived for 1 s, although the server responds"
    with session() as other:
        until(lambda: other.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]) or other.rowcount == 0)


def test_a_copy_of_which_nothing_arrives_ends(quick, proxy, raw):
    class Lines(io.RawIOBase):
        count = 0

        def read(self, size=-1):
            self.count += 1
            if self.count == 5:
                proxy.stall_existing()
            return b"1\n" * 500_000

    with watched(raw) as one, raw.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers (number int)")
        with pytest.raises(psycopg2.Error):
            cursor.copy_expert("COPY numbers FROM STDIN", Lines())
    assert one.reason.startswith("nothing has arrived for 1 s")


def test_a_statement_on_which_the_server_works_is_not_ended(quick, raw):
    with watched(raw) as one, raw.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(3)")
        cursor.execute("SELECT 1")
        time.sleep(2)  # idle in a transaction, as while a file is read
        cursor.execute("SELECT 1")
    assert one.reason == ""


def test_a_slow_copy_is_not_ended(quick, raw):
    class Lines(io.RawIOBase):
        left = 8

        def read(self, size=-1):
            self.left -= 1
            time.sleep(0.4)
            return b"1\n" * 100_000 if self.left > 0 else b""

    with watched(raw) as one, raw.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE numbers (number int)")
        cursor.copy_expert("COPY numbers FROM STDIN", Lines())
    assert one.reason == ""


def test_a_server_without_free_connections_is_not_silent(quick, raw, monkeypatch):
    monkeypatch.setattr(watch, "read_parameters", lambda raw: {**raw.info.dsn_parameters, "dbname": "missing"})
    with watched(raw) as one, raw.cursor() as cursor:
        cursor.execute("SELECT pg_sleep(3)")
    assert one.reason == ""


def test_the_session_for_which_a_statement_waits_is_named(quick, raw):
    holders = Holders()
    lock = [SERIES_CLASS, 70]
    with session() as other, watched(raw, holders), raw.cursor() as cursor:
        other.execute("SELECT pg_backend_pid()")
        pid = other.fetchone()[0]
        other.execute("SELECT pg_advisory_lock(%s, %s)", lock)
        waiting = threading.Thread(target=lambda: cursor.execute("SELECT pg_advisory_lock(%s, %s)", lock))
        waiting.start()
        until(lambda: holders.seen)
        other.execute("SELECT pg_advisory_unlock(%s, %s)", lock)
        waiting.join()
    assert len(holders.seen) == 1
    assert holders.seen[0].startswith("a session of another program: ")
    assert f"server process {pid}, since 20" in holders.seen[0]


@pytest.mark.slow
def test_a_load_names_the_run_for_which_it_waits(slow_upsert, tmp_path):  # noqa: F811
    path = write(tmp_path / "mnq.dbn", bars(5))
    with Process("--input", path, "--replace-instrument") as first:
        until(lambda: backend_in(STORING))
        with Process("--input", path) as second:
            ended = second.end()
        assert first.end().code == 0
    assert ended.code == 0
    assert ended.sentence.startswith(f"Waiting for run 1 (mnq.dbn): barkeep process {first.pid} on ")
    assert ended.sentence.endswith(" UTC")


def test_the_server_releases_the_locks_of_a_killed_load(slow_upsert, tmp_path):  # noqa: F811
    with Process("--input", write(tmp_path / "mnq.dbn", bars(5)), "--replace-instrument") as process:
        until(lambda: backend_in(STORING))
        process.signal(signal.SIGKILL)
        killed_at = time.monotonic()
        until(lambda: close_orphaned_runs(), seconds=10)
    assert time.monotonic() - killed_at < 10
    assert stored() == {}


def test_a_second_ctrl_c_ends_at_once_where_the_server_does_not_respond(proxy, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(5))
    with series_locked(), Process("--input", path, url=proxy.url) as process:
        until(lambda: backend_in(WAITING))
        proxy.stall()
        process.press_ctrl_c()
        time.sleep(1)
        pressed_at = time.monotonic()
        process.press_ctrl_c()
        ended = process.end()
        assert time.monotonic() - pressed_at < scale_limit(1)
    assert (ended.code, ended.sentence) == (130, ENDED_AT_ONCE)
    proxy.close()
    until(close_orphaned_runs)
    assert IngestRun.objects.get().status == "failed"


def test_a_second_ctrl_c_ends_the_workers_too(proxy, tmp_path):
    files = [write(tmp_path / f"{symbol}.dbn", bars(5), symbols=(symbol,), mappings={}) for symbol in ("ESH4", "ESM4")]
    with series_locked(), Process("--input", *files, "--jobs", 2, url=proxy.url) as process:
        until(lambda: len(_running_ids()) == 2)
        proxy.stall()
        process.press_ctrl_c()
        time.sleep(1)
        process.press_ctrl_c()
        assert process.end(10).code == 130
    proxy.close()
    until(lambda: not _running_ids() or (close_orphaned_runs() and not _running_ids()))
    assert {run.status for run in IngestRun.objects.all()} == {"failed"}


def _running_ids() -> list[int]:
    return list(IngestRun.objects.filter(status="running").values_list("pk", flat=True))


@pytest.mark.slow
@pytest.mark.parametrize("stall", [Proxy.stall, Proxy.stall_existing], ids=["all", "existing"])
def test_a_load_over_a_connection_that_goes_silent_ends_within_a_minute(slow_upsert, tmp_path, stall):  # noqa: F811
    """Two loads at the same time: one while it stores its bars, the other while it copies them."""
    with contextlib.ExitStack() as opened:
        silent = []
        for symbol, count, statement in (("ESH4", 50, STORING), ("ESM4", 1_000_000, "COPY%")):
            proxy = opened.enter_context(open_proxy())
            path = write(tmp_path / f"{symbol}.dbn", bars(count), symbols=(symbol,), mappings={}, end=None)
            process = opened.enter_context(Process("--input", path, "--replace-instrument", url=proxy.url))
            until(lambda statement=statement: backend_in(statement))
            stall(proxy)
            silent.append((time.monotonic(), process))
        for silent_at, process in silent:
            ended = process.end(70)
            assert time.monotonic() - silent_at < 60
            assert ended.code == 1
            assert ended.sentence.startswith("The connection to the database was lost (")
            assert ended.sentence.endswith(
                "nothing of this file was stored: run the command again when the server is back."
            )
    assert stored("ESH4") == stored("ESM4") == {}
    connection.close()
