"""Streams of servers other than the Procfile's."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from wsgiref.util import setup_testing_defaults

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model

from benchmarks.web.clients import Target
from benchmarks.web.events import EventClient
from benchmarks.web.server import find_port
from config.testing import builders
from config.testing.processes import database_url, until
from marketdata.access.tokens import issue_token

STREAM = "/api/market-data/mnq/ohlcv-1m/stream"


@pytest.fixture
def token(market_db) -> Iterator[str]:
    yield issue_token(name="reader")
    get_user_model().objects.all().delete()


def test_a_wsgi_server_with_few_threads_refuses_streams(token, monkeypatch):
    monkeypatch.setenv("BARKEEP_ENV", "development")  # the module sets it for production otherwise
    application = importlib.import_module("config.wsgi").application
    started = []

    def ask(software: str, **headers: str):
        environ = {"PATH_INFO": STREAM, "SERVER_SOFTWARE": software, "HTTP_HOST": "localhost"} | headers
        setup_testing_defaults(environ)
        response = application(environ, lambda status, headers: started.append((status, dict(headers))))
        return response, *started[-1]

    response, status, headers = ask("gunicorn/23", HTTP_AUTHORIZATION=f"Token {token}")
    assert status.startswith("503")
    assert "Procfile" in json.loads(b"".join(response))["detail"]
    assert headers["Retry-After"]
    response, status, _ = ask("gunicorn/23")
    assert status.startswith("401")
    response.close()
    response, status, headers = ask("WSGIServer/0.2 CPython/3.11", HTTP_AUTHORIZATION=f"Token {token}")
    assert (status, headers["Content-Type"]) == ("200 OK", "text/event-stream")
    assert b"event: snapshot" in next(iter(response))
    response.close()


@contextlib.contextmanager
def run_server() -> Iterator[int]:
    port = find_port()
    process = subprocess.Popen(
        [sys.executable, "manage.py", "runserver", "--noreload", f"127.0.0.1:{port}"],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url()},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield port
    finally:
        process.kill()
        process.wait()


def test_runserver_has_a_thread_for_each_stream(token, tmp_path):
    with run_server() as port, contextlib.ExitStack() as opened:
        target = Target(port, token, "mnq", time.monotonic() + 60)

        def connect() -> EventClient | None:
            with contextlib.suppress(ConnectionRefusedError):
                return opened.enter_context(EventClient(target, is_chunked=False).connect())
            return None

        until(connect, seconds=30)
        clients = [connect() for _ in range(12)]
        for client in clients:
            client.wait_for("snapshot")
        builders.ingest(builders.write(tmp_path / "a.dbn", builders.bars(1)))
        for client in clients:
            assert client.wait_for("bar").data["ts"] == "2024-01-02T00:00:00+00:00"
