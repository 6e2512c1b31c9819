"""The Procfile's web server, on a scratch database."""

from __future__ import annotations

import contextlib
import functools
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from benchmarks.harness.scratch import ROOT

START_SECONDS = 60
_PRODUCTION = {
    "SECRET_KEY": "for-benchmarks-only-0123456789-abcdefghijklmnopqrstuvwxyz",
    "ALLOWED_HOSTS": "127.0.0.1",
    "SECURE_SSL_REDIRECT": "off",
    "API_RATE_ANONYMOUS": "1000000/min",
    "API_RATE_USER": "1000000/min",
}


@dataclass(frozen=True)
class WebServer:
    """A running server. `process` is the web process, or starts several."""

    port: int
    process: subprocess.Popen[bytes]

    def list_processes(self) -> list[psutil.Process]:
        """The web processes, without the one that starts several of them."""
        first = psutil.Process(self.process.pid)
        return [child for child in first.children() if "spawn_main" in " ".join(child.cmdline())] or [first]

    def measure_memory(self) -> list[float]:
        """The resident memory of each web process, MiB."""
        return [process.memory_info().rss / 2**20 for process in self.list_processes()]

    def stop(self) -> float:
        """Send SIGTERM; returns the seconds until all processes have ended."""
        started = time.monotonic()
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGTERM)
        self.process.wait(30)
        return time.monotonic() - started


@contextlib.contextmanager
def serve_procfile(url: str, *, log: IO[bytes] | None = None, **variables: str) -> Iterator[WebServer]:
    """Run the Procfile's `web` command in production on this database, with these environment variables too.

    `log` gets what it prints; by default it is discarded.
    """
    port = find_port()
    collect, serve = read_web_command().split(" && ")
    _collect_static_files(collect)
    process = subprocess.Popen(
        ["sh", "-c", serve],
        cwd=ROOT,
        env=os.environ | _PRODUCTION | {"DATABASE_URL": url, "PORT": str(port), "PATH": build_path()} | variables,
        stdout=log or subprocess.DEVNULL,
        stderr=log or subprocess.DEVNULL,
        start_new_session=True,
    )
    server = WebServer(port, process)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def read_web_command() -> str:
    """The command of the Procfile's `web` line."""
    lines = (ROOT / "Procfile").read_text().splitlines()
    return next(line.removeprefix("web: ") for line in lines if line.startswith("web: "))


@functools.cache
def _collect_static_files(command: str) -> None:
    """Once in a process: it lasts longer than the start of the server, and another server may read the files."""
    variables = _PRODUCTION | {"DATABASE_URL": "postgresql://u@db.invalid/name", "PATH": build_path()}
    subprocess.run(["sh", "-c", command], cwd=ROOT, env=os.environ | variables, check=True)


def build_path() -> str:
    """With the commands of this Python environment first, as on a host that activates it."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def find_port() -> int:
    """A port that is free now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _wait_until_ready(server: WebServer) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if server.process.poll() is not None:
            raise SystemExit(f"The web server ended with exit code {server.process.returncode}.")
        if _is_ready(server.port):
            return
        time.sleep(0.05)
    raise SystemExit(f"The web server did not start within {START_SECONDS} s.")


def _is_ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    return False
