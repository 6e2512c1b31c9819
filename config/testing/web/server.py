"""The web server of the Procfile as a process of its own."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from collections.abc import Iterator

import httpx
from django.conf import settings

from config.testing.processes import database_url, until


@contextlib.contextmanager
def web_server(url: str = "", *, threads: int = 4, port: int = 0, **variables: str) -> Iterator[str]:
    """The address of the Procfile's server with one process, connected to the database's URL, by default that of the
    tests. Without a port it has a free one."""
    with socket.create_server(("127.0.0.1", port)) as free:
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "uvicorn", "config.asgi:application", "--http", "config.web.protocol:HttpProtocol"]
    own = {"DATABASE_URL": url or database_url(), "BARKEEP_ENV": "development", "WEB_THREADS": str(threads)}
    process = subprocess.Popen(
        [*command, "--loop", "asyncio", "--port", str(port), "--no-proxy-headers"],
        cwd=settings.BASE_DIR,
        env=os.environ | own | variables,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: _is_ready(f"http://127.0.0.1:{port}"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _is_ready(address: str) -> bool:
    with contextlib.suppress(httpx.HTTPError):
        return httpx.get(f"{address}/readyz", timeout=5).status_code == 200
    return False
