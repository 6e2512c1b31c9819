"""The Procfile's web server: real processes, sockets and PostgreSQL, and clients that are many or slow."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model

from benchmarks.web import clients
from benchmarks.web.events import EventClient
from benchmarks.web.prober import probing
from benchmarks.web.server import build_path, read_web_command, serve_procfile
from config.testing.processes import scale_limit, until

STATS = "/api/market-data/mnq/ohlcv-1m/stats"
PAGE = "/api/market-data/mnq/ohlcv-1m/bars?limit=2000"
SMALL_PAGE = "/api/market-data/mnq/ohlcv-1m/bars?limit=50"


def get(target, path: str, method: str = "GET", body: bytes | None = None, **headers: str):
    """The response and its body. `authorization=""` sends no token."""
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
    with contextlib.closing(connection):
        names = {"authorization": f"Token {target.token}"} | {k.replace("_", "-"): v for k, v in headers.items()}
        connection.request(method, path, body, {name: value for name, value in names.items() if value})
        response = connection.getresponse()
        return response, response.read()


def read_end(one: socket.socket) -> bytes:
    """What arrives until the server closes the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while part := one.recv(65536):
            received += part
    return received


@pytest.mark.slow
def test_slow_clients_delay_nothing_else(url, aim):
    with serve_procfile(url, WEB_CONCURRENCY="1", WEB_THREADS="4") as server:
        target = aim(server, 6)
        slow = [clients.send_head_slowly, clients.send_body_slowly, partial(clients.read_slowly, path=PAGE)]
        exports = [
            partial(
                clients.download, file_format=("csv", "parquet", "arrow")[n % 3], bytes_per_second=100_000 * (n % 2)
            )
            for n in range(4)
        ]
        with (
            ThreadPoolExecutor(100) as threads,
            probing(server.port, {"healthz": "/healthz", "stats": STATS}) as probes,
        ):
            running = [threads.submit(client, target) for client in slow * 10 + exports]
            time.sleep(1)
            ordinary = list(threads.map(lambda n: get(target, SMALL_PAGE)[0].status, range(30)))
            for future in running:
                future.result()
        assert ordinary == [200] * 30
        assert probes.errors == 0
        assert max(probes.seconds["healthz"]) < 1
        assert probes.find_percentile("stats", 50) < 1
        assert max(server.measure_memory()) < 200


@pytest.mark.slow
def test_exports_are_those_of_the_test_client(url, aim, client):
    client.force_login(get_user_model().objects.create_user("reader"))
    with serve_procfile(url, WEB_CONCURRENCY="1") as server:
        target = aim(server)
        for path in ("ohlcv-1m/bars?format=csv", "ohlcv-1m/bars?format=arrow", "ohlcv-1h/bars?format=parquet"):
            expected = client.get(f"/api/market-data/mnq/{path}")
            response, body = get(target, f"/api/market-data/mnq/{path}")
            assert body == b"".join(expected.streaming_content)
            names = ("Content-Type", "Content-Disposition", "Cache-Control")
            assert [response.headers[name] for name in names] == [expected.headers.get(name) for name in names]
            for name, separator in (("Vary", ", "), ("Content-Security-Policy", "; ")):  # in any order
                assert set(response.headers[name].split(separator)) == set(expected.headers[name].split(separator))
            assert "Server" not in response.headers
            head, nothing = get(target, f"/api/market-data/mnq/{path}", "HEAD")
            assert (head.status, nothing, head.headers["Content-Type"]) == (200, b"", response.headers["Content-Type"])
        packed, _ = get(target, "/api/market-data/mnq/ohlcv-1m/bars?format=csv", accept_encoding="gzip")
        assert packed.headers["Content-Encoding"] == "gzip"
        page, _ = get(target, STATS)
        assert get(target, STATS, if_none_match=page.headers["ETag"])[0].status == 304
        assert get(target, "/api/market-data/mnq/ohlcv-1m/bars?format=csv&start=x")[0].status == 400
        login = get(target, "/login/")[1].decode()
        script = login.split('href="/static/')[1].split('"')[0]
        assert "immutable" in get(target, f"/static/{script}")[0].headers["Cache-Control"]


@pytest.mark.slow
def test_a_client_that_goes_frees_its_export(url, aim):
    with serve_procfile(url, WEB_CONCURRENCY="1", EXPORTS_PER_PROCESS="1") as server:
        for _ in range(6):
            target = aim(server)
            with target.connect(receive_bytes=4096) as one:
                one.sendall(target.build_head("GET", target.get_export("csv")))
                assert one.recv(100).startswith(b"HTTP/1.1 200")
        started = time.monotonic()
        assert clients.download(aim(server), "csv")[0] == 200
        assert time.monotonic() - started < scale_limit(5)


def test_bodies_are_read_before_a_thread_and_limited(url, aim):
    with serve_procfile(url, WEB_CONCURRENCY="1", WEB_THREADS="1") as server:
        target = aim(server)
        response, body = get(target, STATS, "POST", b"x" * (1024 * 1024 + 1))
        assert (response.status, "detail" in json.loads(body)) == (413, True)
        with target.connect() as one:
            one.sendall(target.build_head("POST", STATS, "Transfer-Encoding: chunked"))
            piece = b"10000\r\n" + b"x" * 65536 + b"\r\n"
            with contextlib.suppress(OSError):
                for _ in range(40):
                    one.sendall(piece)
            assert b"413" in read_end(one)[:20]
        with target.connect() as one:  # without Content-Length
            one.sendall(target.build_head("POST", "/login/", "Transfer-Encoding: chunked", "Connection: close"))
            one.sendall(b"3\r\na=b\r\n0\r\n\r\n")
            assert read_end(one).startswith(b"HTTP/1.1 403")  # no CSRF token


@pytest.mark.slow
def test_a_client_that_is_still_sending_sees_why_its_body_is_refused(url, aim):
    """Its connection is closed when it has sent all, not before: a reset would lose the response."""
    length = 3 * 1024 * 1024
    with serve_procfile(url, WEB_CONCURRENCY="1", WEB_THREADS="1") as server:
        target = aim(server)
        with target.connect() as one:
            one.sendall(target.build_head("POST", STATS, f"Content-Length: {length}"))
            for _ in range(length // 65536):
                one.sendall(b"x" * 65536)
                time.sleep(0.01)
            assert read_end(one).startswith(b"HTTP/1.1 413")
        for header in ("Expect: 100-continue", "X-None: 1"):  # the answer does not wait for the body
            with target.connect() as one:
                one.settimeout(3)
                one.sendall(target.build_head("POST", STATS, f"Content-Length: {length}", header))
                assert one.recv(100).startswith(b"HTTP/1.1 413")


def test_the_address_of_the_client_is_the_projects_decision(url, aim, tmp_path):
    """A client that is no proxy cannot choose its address, nor make the server believe in HTTPS by another name."""
    with (
        (tmp_path / "log").open("wb") as log,
        serve_procfile(
            url, log=log, WEB_CONCURRENCY="1", API_RATE_ANONYMOUS="3/min", SECURE_SSL_REDIRECT="on"
        ) as server,
    ):
        target = aim(server)
        assert get(target, STATS)[0].status == 301
        assert get(target, STATS, x_forwarded_proto="https")[0].status == 200
        with target.connect() as one:
            one.sendall(target.build_head("GET", STATS, "X_Forwarded_Proto: https", "Connection: close"))
            assert read_end(one).startswith(b"HTTP/1.1 301")
        statuses = [
            get(
                target,
                f"{STATS}?token=secret",
                authorization="",
                x_forwarded_proto="https",
                x_forwarded_for=f"192.0.2.{n}",
            )[0].status
            for n in range(5)
        ]
        assert statuses[-1] == 429
        assert get(target, "/healthz")[0].status == 200
    text = (tmp_path / "log").read_text()
    assert f'"GET {STATS} HTTP/1.1" 301' in text
    assert "secret" not in text


@pytest.mark.slow
def test_sigterm_ends_it_within_five_seconds(url, aim):
    with serve_procfile(url, WEB_CONCURRENCY="2") as server, contextlib.ExitStack() as opened:
        target = aim(server)
        for _ in range(3):
            export = opened.enter_context(target.connect(receive_bytes=4096))
            export.sendall(target.build_head("GET", target.get_export("csv")))
            assert export.recv(100)
            idle = opened.enter_context(target.connect())
            idle.sendall(target.build_head("GET", "/healthz"))
            assert idle.recv(100)
        processes = server.list_processes()
        assert len(processes) == 2
        assert server.stop() < scale_limit(5)
        assert [one for one in processes if one.is_running()] == []


def test_half_configured_it_ends_with_one_sentence():
    environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "SECRET_KEY")}
    whole = read_web_command()
    for command in (whole, whole.partition("&& ")[2]):
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=settings.BASE_DIR,
            env=environment | {"PORT": "0", "ALLOWED_HOSTS": "", "WEB_CONCURRENCY": "1", "PATH": build_path()},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode != 0
        assert "Traceback" not in done.stderr
        assert done.stderr.count("production settings are incomplete") == 1


@pytest.mark.slow
def test_no_client_is_waited_for_longer_than_thirty_seconds(url, aim):
    """Heads, bodies, readers and queued exports, all at the same time."""
    with serve_procfile(url, WEB_CONCURRENCY="1", EXPORTS_PER_PROCESS="1") as server, contextlib.ExitStack() as opened:
        target = aim(server, 60)
        started = time.monotonic()
        head, body, reader, queued, quiet = (opened.enter_context(target.connect(4096)) for _ in range(5))
        head.sendall(b"GET / HTTP/1.1\r\nHost: ")
        body.sendall(target.build_head("POST", "/api/x", "Content-Length: 100") + b"x")
        reader.sendall(target.build_head("GET", target.get_export("csv")))
        time.sleep(1)
        queued.sendall(target.build_head("GET", target.get_export("parquet"), "Connection: close"))
        assert read_end(head) == b""
        assert read_end(quiet) == b""
        answer = read_end(body)
        assert answer.startswith(b"HTTP/1.1 408")
        assert b'"detail": "The request' in answer
        assert 25 < time.monotonic() - started < 35
        answer = read_end(queued)
        assert answer.startswith((b"HTTP/1.1 503", b"HTTP/1.1 200"))  # the one before was ended at the same time
        until(lambda: clients.download(aim(server), "arrow")[0] == 200, seconds=10)
        assert len(read_end(reader)) < 10_000_000
        assert 25 < time.monotonic() - started < 45


@pytest.mark.slow
def test_an_export_that_waits_too_long_is_refused(url, aim):
    with serve_procfile(url, WEB_CONCURRENCY="1", EXPORTS_PER_PROCESS="1") as server:
        target = aim(server, 50)
        with ThreadPoolExecutor(1) as threads:
            slow = threads.submit(clients.download, target, "csv", 50_000)
            time.sleep(1)
            started = time.monotonic()
            response, body = get(target, target.get_export("parquet"))
            assert (response.status, response.headers["Retry-After"]) == (503, "60")
            assert "exports" in json.loads(body)["detail"]
            assert 25 < time.monotonic() - started < 35
            os.kill(server.process.pid, signal.SIGTERM)
            with contextlib.suppress(OSError):
                slow.result()


def test_processes_end_with_the_one_that_started_them(url, aim):
    with serve_procfile(url, WEB_CONCURRENCY="2") as server:
        processes, stream = server.list_processes(), EventClient(aim(server)).connect()
        assert len(processes) == 2
        stream.wait_for("snapshot")
        server.process.kill()
        until(lambda: not any(one.is_running() and one.status() != "zombie" for one in processes), seconds=10)
        with socket.create_server(("127.0.0.1", server.port)):  # the next server has the port
            stream.close()
