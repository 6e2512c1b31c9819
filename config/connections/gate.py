"""Leaves a thread of each web process free for /healthz: requests beyond the others are refused instead of queued."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

WAIT_SECONDS = 0.2
DETAIL = "The server is busy: try again in a few seconds."

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class RequestGate:
    """A WSGI application. At most `limit` requests at a time are in the inner one, until their responses are sent.

    A request waits up to 0.2 s for its turn; while all are still busy after that, others are refused at once. So the
    thread that is left is never occupied for longer.
    """

    def __init__(self, application: Application, *, limit: int) -> None:
        self._application = application
        self._free = threading.Semaphore(limit)
        self._is_full = False

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ.get("PATH_INFO") == "/healthz":
            return self._application(environ, start_response)
        if not self._free.acquire(timeout=0 if self._is_full else WAIT_SECONDS):
            self._is_full = True
            return _refuse(environ, start_response)
        self._is_full = False
        try:
            return _Body(self._application(environ, start_response), self._free.release)
        except BaseException:
            self._free.release()
            raise


class _Body:
    """The response's body. Servers close it in every case."""

    def __init__(self, body: Iterable[bytes], release: Callable[[], None]) -> None:
        self._body, self._release = body, release
        self._is_closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._body)

    def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        try:
            getattr(self._body, "close", lambda: None)()
        finally:
            self._release()


def _refuse(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    is_api = str(environ.get("PATH_INFO", "")).startswith("/api/")
    body = f'{{"detail": "{DETAIL}"}}'.encode() if is_api else f"{DETAIL}\n".encode()
    headers = [
        ("Content-Type", "application/json" if is_api else "text/plain; charset=utf-8"),
        ("Content-Length", str(len(body))),
        ("Retry-After", "2"),
        ("Cache-Control", "no-store"),
    ]
    start_response("503 Service Unavailable", headers)
    return [body]
