"""Clients that are many or slow. Each function is one client, and ends at `end` (time.monotonic) at the latest."""

from __future__ import annotations

import contextlib
import http.client
import random
import socket
import time
from dataclasses import dataclass

LOGIN = "/admin/login/"


@dataclass(frozen=True)
class Target:
    """A server with a series, and a token that reads its bars."""

    port: int
    token: str
    series: str
    end: float

    @property
    def has_time(self) -> bool:
        return time.monotonic() < self.end

    def connect(self, receive_bytes: int = 0) -> socket.socket:
        one = socket.socket()
        one.settimeout(60)
        if receive_bytes:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        try:
            one.connect(("127.0.0.1", self.port))
        except OSError:
            one.close()
            raise
        return one

    def build_head(self, method: str, path: str, *headers: str) -> bytes:
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self.port}"]
        lines += [f"Authorization: Token {self.token}"] if self.token else []
        return "\r\n".join([*lines, *headers, "", ""]).encode()

    def get_export(self, file_format: str) -> str:
        return f"/api/market-data/{self.series}/ohlcv-1m/bars?format={file_format}"


def download(target: Target, file_format: str, bytes_per_second: int = 0) -> tuple[int, float, int]:
    """Read an export; returns its status, the seconds until its first byte, and its bytes. 0 means at full speed."""
    with target.connect(64 * 1024 if bytes_per_second else 0) as one:
        started = time.monotonic()
        one.sendall(target.build_head("GET", target.get_export(file_format), "Connection: close"))
        received = one.recv(65536)
        first, size = time.monotonic() - started, len(received)
        status = int(received[9:12]) if received else 0
        while target.has_time and (part := one.recv(min(bytes_per_second or 65536, 65536))):
            size += len(part)
            if bytes_per_second:
                time.sleep(len(part) / bytes_per_second)
        return status, first, size


def send_head_slowly(target: Target, seconds: float = 0.2) -> None:
    """Send a head one byte at a time, again and again."""
    while target.has_time:
        _send_slowly(target, b"", target.build_head("GET", "/", "X-Long: " + "x" * 4000), seconds)


def send_body_slowly(target: Target, seconds: float = 0.2) -> None:
    """Send a login's body one byte at a time, again and again."""
    head = target.build_head("POST", LOGIN, "Content-Length: 4000", "Content-Type: application/x-www-form-urlencoded")
    while target.has_time:
        _send_slowly(target, head, b"x" * 4000, seconds)


def _send_slowly(target: Target, at_once: bytes, rest: bytes, seconds: float) -> None:
    with contextlib.suppress(OSError), target.connect() as one:
        one.sendall(at_once)
        one.setblocking(False)
        for byte in rest:
            if not target.has_time:
                return
            one.send(bytes([byte]))
            time.sleep(seconds)
            with contextlib.suppress(BlockingIOError):
                if not one.recv(4096):
                    return


def read_slowly(target: Target, path: str, seconds: float = 0.5) -> None:
    """Request a page, and read it a few bytes at a time, again and again."""
    while target.has_time:
        with contextlib.suppress(OSError), target.connect(receive_bytes=2048) as one:
            one.sendall(target.build_head("GET", path, "Connection: close"))
            while target.has_time and one.recv(64):
                time.sleep(seconds)


def guess_passwords(target: Target) -> None:
    """Log in with accounts and passwords that do not exist, as fast as the server answers."""
    while target.has_time:
        name = f"guess{random.random()}"
        with contextlib.suppress(OSError, http.client.HTTPException):
            _log_in(target, name)


def _log_in(target: Target, name: str) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
    connection.request("GET", LOGIN)
    response = connection.getresponse()
    response.read()
    cookie = response.headers["Set-Cookie"].partition(";")[0]
    token = cookie.partition("=")[2]
    body = f"csrfmiddlewaretoken={token}&username={name}&password={name}"
    headers = {"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded", "Referer": LOGIN}
    connection.request("POST", LOGIN, body, headers)
    connection.getresponse().read()
    connection.close()


def browse(target: Target) -> dict[int, int]:
    """Request a page of bars, candles or stats each second; returns how often each status was answered."""
    statuses: dict[int, int] = {}
    base = f"/api/market-data/{target.series}"
    paths = [f"{base}/ohlcv-1m/stats", f"{base}/ohlcv-1m/bars?limit=100", f"{base}/ohlcv-1h/bars?limit=100", "/login/"]
    connection = http.client.HTTPConnection("127.0.0.1", target.port, timeout=60)
    while target.has_time:
        connection.request("GET", random.choice(paths), headers={"Authorization": f"Token {target.token}"})
        response = connection.getresponse()
        response.read()
        statuses[response.status] = statuses.get(response.status, 0) + 1
        time.sleep(1)
    return statuses
