"""Requests beyond the threads of a process are refused, and healthz never is."""

from __future__ import annotations

import contextlib
import threading
import time

from config.connections import gate
from config.connections.gate import RequestGate


class Server:
    """Calls the gate as a WSGI server does. Requests of /slow last until `end`."""

    def __init__(self, limit: int) -> None:
        self.end = threading.Event()
        self._gate = RequestGate(self._respond, limit=limit)

    def _respond(self, environ, start_response):
        if environ["PATH_INFO"] == "/fails":
            raise ZeroDivisionError
        start_response("200 OK", [])
        if environ["PATH_INFO"] == "/slow":
            self.end.wait(10)
        return [b"done"]

    def get(self, path: str) -> tuple[str, dict, bytes]:
        started: list = []
        body = self._gate({"PATH_INFO": path}, lambda status, headers: started.extend([status, dict(headers)]))
        content = b"".join(body)
        getattr(body, "close", lambda: None)()
        return started[0], started[1], content


def test_a_thread_is_left_for_healthz(monkeypatch):
    monkeypatch.setattr(gate, "WAIT_SECONDS", 0.1)
    server = Server(limit=2)
    slow = [threading.Thread(target=server.get, args=("/slow",)) for _ in range(2)]
    for thread in slow:
        thread.start()
    time.sleep(0.1)
    status, headers, content = server.get("/api/market-data/")
    assert (status, headers["Retry-After"]) == ("503 Service Unavailable", "2")
    assert content == b'{"detail": "The server is busy: try again in a few seconds."}'
    assert server.get("/")[0].startswith("503")
    assert server.get("/healthz")[0] == "200 OK"
    server.end.set()
    for thread in slow:
        thread.join()
    assert [server.get("/")[0] for _ in range(5)] == ["200 OK"] * 5


def test_a_request_waits_for_its_turn():
    server = Server(limit=1)
    slow = threading.Thread(target=server.get, args=("/slow",))
    slow.start()
    time.sleep(0.1)
    threading.Timer(0.1, server.end.set).start()
    assert server.get("/")[0] == "200 OK"
    slow.join()


def test_a_request_that_fails_frees_its_place():
    server = Server(limit=1)
    for _ in range(3):
        with contextlib.suppress(ZeroDivisionError):
            server.get("/fails")
    assert server.get("/")[0] == "200 OK"
