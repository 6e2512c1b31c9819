"""Calls Django by WSGI in a thread. Nothing here waits for the client."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes, urlsplit

from django.http import FileResponse

from config.web.answers import Answer
from config.web.types import Headers, Scope
from marketdata.stream.response import EventStream
from marketdata.stream.subscription import Subscription

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

LEAST_BYTES = 1024
FILE_BYTES = 64 * 1024


@dataclass(frozen=True)
class Stream:
    """A response whose body is produced while it is sent. `close` must be called in every case."""

    status: int
    headers: Headers
    pieces: Iterator[bytes]
    close: Callable[[], None]
    is_file: bool  # from the disk

    def read_next(self) -> bytes:
        """The next piece; empty at the end. It has 1 KiB at least: a file's first bytes come with its first block, so
        that a failure to read that block still has a status of its own."""
        least = FILE_BYTES if self.is_file else LEAST_BYTES
        first = next(self.pieces, b"")
        if len(first) >= least:
            return first
        read = bytearray(first)
        while len(read) < least and (piece := next(self.pieces, None)) is not None:
            read += piece
        return bytes(read)


@dataclass(frozen=True)
class Events:
    """A stream of events that has not begun. `subscription` must be closed in every case."""

    headers: Headers
    subscription: Subscription


def call_django(application: Application, scope: Scope, body: bytes) -> Answer | Stream | Events:
    """The response: complete, or a stream that has not begun."""
    started: list[Any] = []
    response = application(_build_environ(scope, body), lambda status, headers: started.extend((status, headers)))
    status, headers = int(started[0].split(" ", 1)[0]), _encode_headers(started[1])
    close = getattr(response, "close", lambda: None)
    if isinstance(response, EventStream) and (subscription := response.detach()) is not None:
        close()
        return Events(headers, subscription)
    is_file = isinstance(response, FileResponse)
    is_stream = getattr(response, "streaming", False) and not (is_file and _read_length(headers) <= FILE_BYTES)
    if is_stream and scope["method"] != "HEAD":
        return Stream(status, headers, iter(response), close, is_file=is_file)
    try:
        return Answer(status, headers, b"" if scope["method"] == "HEAD" else b"".join(response))
    finally:
        close()
        _break_cycles(response)


def _break_cycles(response: Any) -> None:
    """REST framework's responses refer to themselves by way of their view: megabytes of data would stay until the next
    complete garbage collection."""
    for name in ("data", "renderer_context"):
        if hasattr(response, name):
            setattr(response, name, None)


def _encode_headers(headers: list[tuple[str, str]]) -> Headers:
    # Django begins the values of cookies with a space.
    return [(name.lower().encode("latin1"), value.strip().encode("latin1")) for name, value in headers]


def _read_length(headers: Headers) -> int:
    return next((int(value) for name, value in headers if name == b"content-length"), FILE_BYTES + 1)


def _build_environ(scope: Scope, body: bytes) -> dict[str, Any]:
    server, client = scope.get("server") or ("localhost", 80), scope.get("client") or ("", 0)
    return _read_headers(scope) | {
        "REQUEST_METHOD": scope["method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(_read_path(scope["raw_path"])).decode("latin1"),
        "QUERY_STRING": scope["query_string"].decode("latin1"),
        "SERVER_PROTOCOL": f"HTTP/{scope['http_version']}",
        "SERVER_NAME": server[0],
        "SERVER_PORT": str(server[1] or 0),
        "REMOTE_ADDR": client[0],
        "REMOTE_PORT": str(client[1]),
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope["scheme"],
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }


def _read_path(target: bytes) -> bytes:
    """The path of a request's target, which a client may send as a complete address."""
    if not target.startswith(b"/"):
        with contextlib.suppress(ValueError):
            return urlsplit(target).path
    return target


def _read_headers(scope: Scope) -> dict[str, Any]:
    """Headers as WSGI has them, where X_Forwarded_For would be the same as X-Forwarded-For: a client could send what
    only proxies may send. So names with an underscore are dropped."""
    environ: dict[str, Any] = {}
    for name, value in scope["headers"]:
        if b"_" in name or name in (b"transfer-encoding", b"content-length"):
            continue
        key = name.decode("latin1").upper().replace("-", "_")
        key = key if key == "CONTENT_TYPE" else f"HTTP_{key}"
        text = value.decode("latin1")
        separator = "; " if key == "HTTP_COOKIE" else ","
        environ[key] = f"{environ[key]}{separator}{text}" if key in environ else text
    return environ
