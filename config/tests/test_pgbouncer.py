"""pgbouncer before the database: pages and API work in both of its modes, commands that start runs in session mode."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from django.contrib.auth import get_user_model
from django.db import connection

from config.connections.pool import has_own_session
from config.testing.builders import bars, write
from config.testing.database.pooler import find_pooler, pooler
from config.testing.database.scratch import scratch_database
from config.testing.processes import Process, backend_in, run, running, series_locked, until
from config.testing.web.pages import create_failed_run
from config.testing.web.server import web_server
from ingestion.jobs.requests import request_retry
from marketdata.models import Bar, IngestRun, Series
from marketdata.runs.jobs import find_job, is_worker_running
from marketdata.runs.locks import close_orphaned_runs

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_pooler() is None, reason="NOT TESTED: pgbouncer is not installed"),
]

SENTENCE = (
    "DATABASE_URL is a connection pool in transaction mode, where the locks of a run do not last, so nothing was "
    "changed: set DATABASE_URL to the PostgreSQL server itself, or to a pool in session mode."
)
QUALITY_SENTENCE = (
    "DATABASE_URL is a connection pool in transaction mode, where the lock of a check does not end with it, so nothing "
    "was checked: set DATABASE_URL to the PostgreSQL server itself, or to a pool in session mode; or use --dry-run."
)
BARS = "/api/market-data/mnq/ohlcv-1m/bars"
READS = (
    "/", "/state/", "/series/mnq/", "/runs/1/", "/runs/1/state/", "/runs/2/", "/readyz", "/api/market-data/",
    "/api/market-data/mnq/ohlcv-1m/stats", BARS, f"{BARS}?as_of=2024-01-01T00:00:00Z", f"{BARS}?format=csv",
    f"{BARS}?format=parquet", f"{BARS}?format=arrow", "/api/market-data/mnq/ohlcv-5m/bars",
    "/api/market-data/mnq/ohlcv-1h/stats", "/api/market-data/mnq/coverage", "/api/ingest-runs/", "/api/ingest-runs/1/",
    "/api/feeds/",
    "/admin/", "/admin/auth/user/add/", "/admin/auth/user/", "/admin/auth/group/add/", "/admin/marketdata/series/",
    "/admin/marketdata/series/add/", "/admin/marketdata/ingestrun/", "/admin/marketdata/ingestrun/1/change/",
    "/admin/marketdata/browsablebar/", "/admin/marketdata/apitoken/",
)  # fmt: skip


@pytest.fixture
def path(market_db, tmp_path) -> Path:
    return write(tmp_path / "mnq.dbn", bars(5))


@contextlib.contextmanager
def logged_in(address: str) -> Iterator[httpx.Client]:
    """A browser's session of staff, by the login page."""
    user = get_user_model().objects.create_superuser("owner", "", "right")
    try:
        with httpx.Client(base_url=address, timeout=30) as client:
            assert post(client, "/login/", username="owner", password="right").headers["Location"] == "/"
            yield client
    finally:
        user.delete()


def post(client: httpx.Client, path: str, page: str = "", **values: str) -> httpx.Response:
    client.get(page or path)
    values["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
    response = client.post(path, data=values)
    assert response.status_code == 302, response.text
    return response


@contextlib.contextmanager
def temporary_token(url: str) -> Iterator[str]:
    """An API token that the command prints, of an account that exists within the block."""
    name = "pgbouncer-test"
    try:
        ended = run(name, command="make_api_token", url=url)
        assert (ended.code, len(ended.out)) == (0, 41), ended
        yield ended.out.strip()
    finally:
        get_user_model().objects.filter(username=name).delete()


def test_a_direct_connection_has_its_own_session(market_db):
    assert has_own_session(connection)


@pytest.mark.parametrize("mode", ["transaction", pytest.param("session", marks=pytest.mark.slow)])
def test_migrate_creates_the_tables(market_db, mode):
    with scratch_database(mode), pooler(mode) as url:
        ended = run(command="migrate", url=url)
        assert (ended.code, ended.err) == (0, "")
        assert not IngestRun.objects.exists()


@pytest.mark.parametrize("mode", ["transaction", pytest.param("session", marks=pytest.mark.slow)])
def test_pages_and_api_work(path, tmp_path, mode):
    later = write(tmp_path / "later.dbn", bars(5, base=17_000))
    for file in (path, later):
        assert run("--input", file).code == 0
    # In transaction mode all threads share two sessions of the server.
    with pooler(mode, size=2 if mode == "transaction" else 20) as url, web_server(url) as address:
        with logged_in(address) as client, ThreadPoolExecutor(6) as threads:
            responses = list(threads.map(client.get, READS * 3))
            refused = [(one.url.path, one.status_code) for one in responses if one.status_code != 200]
            assert refused == []
            as_of = IngestRun.objects.get(pk=1).finished_at
            first = client.get(BARS, params={"as_of": as_of.isoformat()}).json()["bars"]
            now = client.get(BARS).json()["bars"]
            assert (len(first), len(now)) == (5, 5)
            assert first[0]["close"] != now[0]["close"]
            job = post(client, "/runs/2/undo/", "/runs/2/").headers["Location"]
            assert "waiting" in client.get(job).text
            assert run("--batch", command="db_worker").code == 0
            assert "done" in client.get(job).text
            assert client.get(BARS).json()["bars"] == first
        with temporary_token(url) as token:
            read = httpx.get(f"{address}{BARS}", headers={"Authorization": f"Token {token}"})
        assert (read.status_code, len(read.json()["bars"])) == (200, 5)


def test_transaction_mode_refuses_runs_in_one_sentence_and_previews_work(path, tmp_path):
    other = write(tmp_path / "other.dbn", bars(5))
    assert run("--input", path).code == 0
    Series.objects.filter(slug="mnq").update(feed_symbol="MNQ.c.0", live=True)
    with pooler("transaction") as url:
        ended = run("--input", path, other, url=url)
        assert (ended.code, ended.sentence) == (1, SENTENCE)
        for command, arguments in (
            ("undo_run", ["1"]),
            ("db_worker", ["--batch"]),
            ("stream_live", []),
            ("backfill", ["--yes"]),
        ):
            ended = run(*arguments, command=command, url=url)
            assert (command, ended.code, ended.sentence) == (command, 1, SENTENCE)
        ended = run(command="check_quality", url=url)
        assert (ended.code, ended.sentence) == (1, QUALITY_SENTENCE)
        for command, arguments in (
            ("ingest_dbn", ["--input", path, "--dry-run"]),
            ("undo_run", ["1", "--dry-run"]),
            ("split_contracts", ["--dry-run"]),
            ("verify_candles", []),
            ("check_quality", ["--dry-run"]),
            ("gaps", ["--series", "mnq"]),
            ("export_lake", ["--to", str(tmp_path / "lake")]),
            ("verify_lake", [str(tmp_path / "lake")]),
        ):
            ended = run(*arguments, command=command, url=url)
            assert (ended.code, ended.err) == (0, "")
    assert IngestRun.objects.count() == 1


@pytest.mark.slow
def test_a_busy_pool_is_detected(path):
    """Other clients that use all sessions but one."""
    with pooler("transaction", size=3) as url, web_server(url) as address, ThreadPoolExecutor(4) as threads:
        reads = [threads.submit(request_often, f"{address}/readyz") for _ in range(4)]
        ended = [run("--input", path, url=url) for _ in range(3)]
        assert [read.result() for read in reads]
    assert {(one.code, one.sentence) for one in ended} == {(1, SENTENCE)}


def request_often(address: str) -> bool:
    with httpx.Client() as client:
        return all(client.get(address).status_code == 200 for _ in range(300))


def test_session_mode_loads_corrects_and_undoes(path, tmp_path):
    corrected = write(tmp_path / "corrected.dbn", bars(5, base=17_000))
    with pooler("session") as url:
        for file, line in (
            (path, "Inserted: 5"),
            (path, "(0 corrected, 5 unchanged)"),
            (corrected, "(5 corrected, 0 unchanged)"),
        ):
            ended = run("--input", file, url=url)
            assert (ended.code, ended.err) == (0, "")
            assert line in ended.out
        before = list(Bar.objects.order_by("ts").values_list("close", flat=True))
        assert run("3", command="undo_run", url=url).code == 0
        assert list(Bar.objects.order_by("ts").values_list("close", flat=True)) != before
        create_failed_run(file_path=str(corrected))
        job = request_retry(IngestRun.objects.latest("pk"), "owner")
        with Process("--interval", "0.1", "--no-startup-delay", command="db_worker", url=url) as worker:
            until(is_worker_running)
            until(lambda: find_job(job.pk).state == "done")
            worker.signal(signal.SIGTERM)
            assert worker.end().code == 0
    assert list(Bar.objects.order_by("ts").values_list("close", flat=True)) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_session_mode_ends_a_load_that_waits(path, number):
    with pooler("session") as url, series_locked(), Process("--input", path, url=url) as process:
        until(lambda: running() and backend_in("SELECT pg_advisory_xact_lock%"))
        assert close_orphaned_runs() == []
        process.signal(number)
        assert process.end(10).code == (130 if number == signal.SIGINT else -9)
        if number == signal.SIGKILL:
            until(close_orphaned_runs)
    assert IngestRun.objects.get().status == "failed"
