"""The web server of the Procfile while the database is gone, or stalled: real processes and sockets."""

from __future__ import annotations

import contextlib
import threading
import time

import httpx
import pytest

from benchmarks.web.prober import probing
from benchmarks.web.server import serve_procfile
from config.testing.processes import scale_limit, until
from config.testing.proxy import open_proxy

pytestmark = pytest.mark.slow

STATS, PAGE = "/api/market-data/mnq/ohlcv-1m/stats", "/"
SESSION = {"Cookie": "sessionid=0123456789abcdefghijklmnopqrstuv"}  # so that a page needs the database
DETAIL = {"detail": "The database does not respond: try again later."}


@pytest.fixture
def proxy(market_db):
    with open_proxy() as proxy:
        yield proxy


@pytest.fixture
def web(proxy):
    """The address of the Procfile's server with one process and four threads, connected through the proxy."""
    with serve_procfile(proxy.url, WEB_CONCURRENCY="1", WEB_THREADS="4") as server:
        address = f"http://127.0.0.1:{server.port}"
        until(lambda: is_ready(address))
        yield address


def is_ready(address: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{address}{STATS}", timeout=5).status_code == 200
    return False


@contextlib.contextmanager
def healthz_polled(address: str):
    """/healthz is answered within a second all the time."""
    with probing(int(address.rpartition(":")[2]), {"healthz": "/healthz"}) as probes:
        yield
    assert probes.errors == 0
    assert max(probes.seconds["healthz"]) < 1, probes.seconds
    assert len(probes.seconds["healthz"]) > 5


def request_at_once(address: str, count: int) -> list[httpx.Response]:
    """API and page in turns, all at the same time."""
    responses: list[httpx.Response] = []

    def get(path: str) -> None:
        responses.append(httpx.get(f"{address}{path}", headers=SESSION, timeout=60))

    threads = [threading.Thread(target=get, args=((STATS, PAGE)[number % 2],)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return responses


@pytest.mark.slow
def test_a_stalled_database_is_answered_503_and_healthz_at_once(proxy, web):
    request_at_once(web, 4)  # each thread has a connection
    proxy.stall()
    with healthz_polled(web):
        responses = request_at_once(web, 12)
        time.sleep(1)
    assert {response.status_code for response in responses} == {503}
    assert all(int(response.headers["Retry-After"]) > 0 for response in responses)
    started = time.monotonic()
    answer, page = httpx.get(f"{web}{STATS}"), httpx.get(f"{web}{PAGE}", headers=SESSION)
    assert time.monotonic() - started < scale_limit(1)
    assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (503, DETAIL, "10")
    assert (page.status_code, page.headers["Content-Type"]) == (503, "text/html; charset=utf-8")
    assert "The database does not respond" in page.text
    assert "frame-ancestors" in page.headers["Content-Security-Policy"]
    assert httpx.get(f"{web}/readyz").status_code == 503
    proxy.resume()
    until(lambda: is_ready(web))


@pytest.mark.slow
def test_connections_that_alone_are_silent_are_replaced(proxy, web):
    request_at_once(web, 3)
    proxy.stall_existing()
    with healthz_polled(web):
        responses = request_at_once(web, 3)
    assert {response.status_code for response in responses} <= {200, 302, 503}
    assert [response.status_code for response in request_at_once(web, 3)] != [503] * 3


def test_a_database_that_is_gone_is_answered_503(proxy, web):
    proxy.close()
    with healthz_polled(web):
        for _ in range(3):
            answer, page = httpx.get(f"{web}{STATS}"), httpx.get(f"{web}{PAGE}", headers=SESSION)
            assert (answer.status_code, answer.json(), answer.headers["Retry-After"]) == (503, DETAIL, "10")
            assert page.status_code == 503
            assert "Traceback" not in page.text
            login = httpx.post(f"{web}/admin/login/", headers=SESSION)
            assert login.status_code in (403, 503)
            time.sleep(0.5)
