"""Streams of the Procfile's web server: real processes, sockets, PostgreSQL and runs."""

from __future__ import annotations

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import connection, transaction
from django.db.models import F
from django.test import Client
from django.utils import timezone

from benchmarks.web.clients import Target
from benchmarks.web.events import EventClient
from benchmarks.web.server import WebServer, serve_procfile
from config.testing import builders
from config.testing.processes import database_url, scale_limit, session, until
from config.testing.rows import execute, insert
from marketdata.access.tokens import issue_token
from marketdata.models import ApiToken, Bar, IngestRun, Series
from marketdata.runs.commits import notify_commit

MIB_SENT = 24
KEEP = """
INSERT INTO market_bar_revisions
    (symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, revised_by_id, operation)
SELECT symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, %s, 'update' FROM market_bars_ohlcv_1m
"""
END_LISTENERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ 'LISTEN|data_ingest_runs|pg_locks'
"""


@pytest.fixture
def token(market_db) -> Iterator[str]:
    yield issue_token(name="reader", scope=ApiToken.Scope.READ)
    get_user_model().objects.all().delete()


@pytest.fixture
def serve(token) -> Iterator[Callable[..., Target]]:
    with contextlib.ExitStack() as servers:

        def start(**variables: str) -> tuple[WebServer, Target]:
            server = servers.enter_context(serve_procfile(database_url(), WEB_CONCURRENCY="1", **variables))
            return server, Target(server.port, token, "mnq", time.monotonic() + 60)

        yield start


def read_table(timeframe: str = "1m") -> dict[str, dict]:
    """All rows of the API by time, as a client of the stream has them."""
    reader = get_user_model().objects.get(username="reader")
    client = Client()
    client.force_login(reader)
    page = client.get(f"/api/market-data/mnq/ohlcv-{timeframe}/bars?limit=10000").json()
    return {row["ts"]: {**row, "provisional": False} for row in page["bars"]}


def try_to_connect(target: Target) -> int:
    """The status."""
    with EventClient(target).connect() as client:
        return client.status


def test_a_stream_begins_with_a_snapshot_and_has_each_change(serve, tmp_path):
    builders.ingest(builders.write(tmp_path / "a.dbn", builders.bars(150)))
    _, target = serve()
    with EventClient(target).connect() as client, EventClient(target, "ohlcv-5m/stream?limit=500").connect() as candles:
        assert client.status == 200
        headers = client.head.lower()
        assert "content-type: text/event-stream\r\n" in headers
        assert "cache-control: no-store\r\n" in headers
        assert "x-accel-buffering: no\r\n" in headers
        assert "content-encoding" not in headers
        assert "connect-src 'self'" in headers
        snapshot = client.wait_for("snapshot")
        assert [len(snapshot.data["bars"]), snapshot.data["timeframe"], snapshot.data["session"]] == [100, "1m", "all"]
        assert snapshot.data["state"]["state"] == "none"
        assert client.rows == dict(list(read_table().items())[50:])
        candles.wait_for("snapshot")
        started = time.monotonic()
        builders.ingest(builders.write(tmp_path / "b.dbn", builders.bars(1, first=150)))
        bar = client.wait_for("bar")
        assert time.monotonic() - started < scale_limit(2)
        assert (bar.data["ts"], bar.id > snapshot.id) == ("2024-01-02T02:30:00+00:00", True)
        changed = builders.bars(2, first=3)
        changed["volume"] += 1
        builders.ingest(builders.write(tmp_path / "c.dbn", changed))
        client.wait_for("revision")
        client.wait_for("revision")
        builders.undo_run(IngestRun.objects.latest("pk").pk)
        client.wait_for("revision")
        client.wait_for("revision")
        builders.undo_run(2)
        assert client.wait_for("revision").data == {"ts": "2024-01-02T02:30:00+00:00", "removed": True}
        candles.read(1)
        table = read_table()
        assert client.rows == dict(list(table.items())[3:5]) | dict(list(table.items())[50:])
        assert candles.rows == read_table("5m")


def confirm(day: str, until_hour: int) -> None:
    """History covers the first hours of the day, and changes no bar."""
    until = f"{day} {until_hour:02}:00:00+00"
    fields = {"day": day, "covered_until": until, "confirmed_at": timezone.now()}
    if not execute("UPDATE market_series_days SET covered_until = %s, confirmed_at = clock_timestamp()", until):
        insert("market_series_days", series_id=Series.objects.get(slug="mnq").pk, **fields)


@pytest.mark.slow
def test_bars_that_history_confirms_are_sent_though_no_run_changes_them(serve, tmp_path):
    builders.ingest(builders.write(tmp_path / "a.dbn", builders.bars(700)))
    mnq = Series.objects.get(slug="mnq")
    insert("market_feed_sessions")
    insert("market_feed_session_series", series_id=mnq.pk, start="2024-01-02 00:00:00+00")
    IngestRun.objects.update(kind="live", feed_session_id=1)
    _, target = serve()
    with (
        EventClient(target, "ohlcv-1m/stream?limit=700").connect() as client,
        EventClient(target, "ohlcv-1h/stream?limit=100").connect() as candles,
    ):
        for one in (client, candles):
            assert all(row["provisional"] for row in one.wait_for("snapshot").data["bars"])
        confirm("2024-01-02", 2)
        for one, confirmed in ((client, 120), (candles, 2)):
            events = [one.wait_for("revision").data for _ in range(confirmed)]
            assert [event["provisional"] for event in events] == [False] * confirmed
            assert [row["provisional"] for row in one.rows.values()].index(True) == confirmed
        last = client.events[-1].id
        confirm("2024-01-02", 12)  # more than are sent one by one
        for one in (client, candles):
            assert "confirmed" in one.wait_for("resync").data["reason"]
            one.wait_for("snapshot")
            assert not any(row["provisional"] for row in one.rows.values())
        assert [event.name for event in client.read(6) if event.name not in ("", "state")] == []
    with EventClient(target, last_id=last).connect() as late:
        assert not late.wait_for("snapshot").data["bars"][-1]["provisional"]


@pytest.mark.slow
def test_a_client_goes_on_where_it_was_after_a_restart(serve, tmp_path):
    builders.ingest(builders.write(tmp_path / "a.dbn", builders.bars(20)))
    server, target = serve()
    clients = [EventClient(target).connect() for _ in range(50)]
    for client in clients:
        client.wait_for("snapshot")
    assert server.stop() < 5
    for client in clients:
        assert [event.name for event in client.read(5) if event.name not in ("", "state")] == []
    changed = builders.bars(1, first=2)
    changed["volume"] += 7
    builders.ingest(builders.write(tmp_path / "b.dbn", changed))
    builders.ingest(builders.write(tmp_path / "c.dbn", builders.bars(3, first=20)))
    builders.undo_run(IngestRun.objects.latest("pk").pk)
    builders.ingest(builders.write(tmp_path / "d.dbn", builders.bars(1, first=20)))
    _, target = serve()
    for client in clients:
        client.close()
        client.target = target
        with client.connect():
            client.wait_for("state")
            until(lambda client=client: client.read(0.1) is not None and client.rows == read_table(), seconds=5)
            assert "snapshot" not in [event.name for event in client.events[1:]]


@pytest.mark.slow
def test_requests_are_refused_in_json(serve):
    _, target = serve(STREAMS_PER_PROCESS="3", STREAMS_PER_ACCOUNT="2")

    def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, dict, str]:
        connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=20)
        headers = {"Authorization": f"Token {target.token}"} | headers
        connection.request(method, f"/api/market-data/{path}", headers={k: v for k, v in headers.items() if v})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, json.loads(body or b"{}"), response.headers

    assert ask("mnq/ohlcv-1m/stream", Authorization="")[0] == 401
    assert ask("nothing/ohlcv-1m/stream")[0] == 404
    assert ask("mnq/ohlcv-2m/stream")[0] == 404
    assert ask("mnq/ohlcv-1m/stream", Accept="application/json")[0] == 406
    assert ask("mnq/ohlcv-1m/stream?limit=x")[1].keys() == {"limit"}
    assert ask("mnq/ohlcv-1m/stream?limits=1")[0] == 400
    assert ask("mnq/ohlcv-1m/stream", "POST")[0] == 405
    status, _, headers = ask("mnq/ohlcv-1m/stream", "HEAD")
    assert (status, headers["Content-Type"]) == (200, "text/event-stream")
    assert ask("mnq/ohlcv-1m/stream", "OPTIONS")[0] == 200
    with contextlib.ExitStack() as opened:
        for _ in range(2):
            opened.enter_context(EventClient(target).connect()).wait_for("snapshot")
        status, body, headers = ask("mnq/ohlcv-1m/stream")
        assert (status, "account" in body["detail"], headers["Retry-After"]) == (503, True, "30")
    until(lambda: try_to_connect(target) == 200, seconds=10)


@pytest.mark.slow
def test_a_stream_ends_with_its_login_or_token(serve):
    _, target = serve(SECRET_KEY=settings.SECRET_KEY)
    user = get_user_model().objects.create_user("person", password="x" * 20)
    browser = Client()
    browser.force_login(user)
    cookie = f"Cookie: sessionid={browser.cookies['sessionid'].value}"
    without_token = Target(target.port, "", target.series, target.end)
    with EventClient(target).connect() as by_token, EventClient(without_token).connect(0, cookie) as by_login:
        by_token.wait_for("snapshot")
        by_login.wait_for("snapshot")
        browser.logout()
        ApiToken.objects.update(revoked_at=timezone.now())
        started = time.monotonic()
        for client in (by_token, by_login):
            with pytest.raises(EOFError):
                client.wait_for("bar", seconds=60)
        assert time.monotonic() - started < 60
        assert try_to_connect(target) == 401


@pytest.mark.slow
def test_no_event_is_lost_while_the_hub_has_no_connection(serve, tmp_path):
    builders.ingest(builders.write(tmp_path / "a.dbn", builders.bars(3)))
    _, target = serve()
    with EventClient(target).connect() as client:
        client.wait_for("snapshot")
        for number in range(3, 8):
            with session() as cursor:
                cursor.execute(END_LISTENERS)
            builders.ingest(builders.write(tmp_path / f"{number}.dbn", builders.bars(1, first=number)))
        until(lambda: client.read(0.2) is not None and client.rows == read_table(), seconds=15)


def change_all_bars() -> None:
    """As a run does, without a file."""
    now, count = timezone.now(), Bar.objects.count()
    with transaction.atomic(), connection.cursor() as cursor:
        run = IngestRun.objects.create(
            file_name="invented", started_at=now, finished_at=now, status="success", row_count=count,
            file_sha256="0" * 64, updated_count=count, changed_count=count, symbols=["CME_MINI:MNQ1!"],
            min_ts=builders.MIDNIGHT, max_ts=builders.MIDNIGHT,
        )  # fmt: skip
        cursor.execute(KEEP, [run.pk])
        Bar.objects.update(volume=F("volume") + 1, ingestion_run=run)
        notify_commit(cursor, run.pk)


@pytest.mark.slow
def test_a_client_that_does_not_read_is_dropped(serve, tmp_path):
    builders.ingest(builders.write(tmp_path / "a.dbn", builders.bars(400)))
    server, target = serve()
    with EventClient(target).connect(4096) as slow, EventClient(target).connect() as client:
        client.wait_for("snapshot")
        before, sent, number = server.measure_memory()[0], 0, 0
        while sent < MIB_SENT * 2**20:
            number += 1
            change_all_bars()
            sent += sum(len(json.dumps(event.data)) for event in client.read(0.02))
        assert server.measure_memory()[0] - before < 30
        received = len(slow.read(3))
        assert received < number * 400
        with pytest.raises(EOFError):
            slow.wait_for("never", seconds=1)


@pytest.mark.slow
def test_a_stream_lives_as_long_as_its_series(serve, tmp_path):
    """Comments and states come in between. An unknown position is no error."""
    builders.ingest(builders.write(tmp_path / "a.dbn", builders.bars(3)))
    Series.objects.create(slug="gone", symbol="GONE")
    _, target = serve(STREAM_HEARTBEAT_SECONDS="1")
    future = int((timezone.now() + timedelta(days=1)).timestamp() * 1e6)
    for text in ("nonsense", "1.2.3", f"{future}.1", "1.99999999"):
        with EventClient(target, f"ohlcv-1m/stream?last_event_id={quote(text)}").connect() as client:
            assert client.wait_for("resync", "snapshot").name == "resync"
            assert client.wait_for("snapshot").data["bars"]
    with EventClient(Target(target.port, target.token, "gone", target.end)).connect() as client:
        client.wait_for("snapshot")
        names = [event.name for event in client.read(6)]
        assert names.count("") >= 4
        assert "state" in names
        Series.objects.filter(slug="gone").delete()
        with pytest.raises(EOFError):
            client.wait_for("bar", seconds=15)


def test_another_calendar_starts_candles_again(serve, tmp_path):
    builders.ingest(builders.write(tmp_path / "a.dbn", builders.bars(150)))
    _, target = serve()
    with EventClient(target).connect() as client, EventClient(target, "ohlcv-4h/stream?limit=500").connect() as candles:
        client.wait_for("snapshot")
        candles.wait_for("snapshot")
        Series.objects.filter(slug="mnq").update(calendar="")
        assert "calendar" in candles.wait_for("resync", seconds=15).data["reason"]
        candles.wait_for("snapshot")
        assert candles.rows == read_table("4h")
        assert "resync" not in [event.name for event in client.read(1)]
        builders.ingest(builders.write(tmp_path / "b.dbn", builders.bars(200)))
        candles.wait_for("bar")
        assert candles.rows == read_table("4h")
