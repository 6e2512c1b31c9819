"""A local S3 server (moto), in a process of its own."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.testing.processes import until

# In a virtual environment of its own: moto needs other versions of some packages than the project.
PYTHON = Path(sys.prefix) / "s3/bin/python"
BUCKET = "bars"


@contextlib.contextmanager
def run_s3_server(log: Path) -> Iterator[str]:
    """Yields the URL of a server that has one empty bucket. Skips the test if moto is not installed."""
    if not PYTHON.exists():
        pytest.skip("NOT TESTED on S3: moto is not installed (make test-slow installs it)")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
            stdout=out,
            stderr=subprocess.STDOUT,
            cwd=log.parent,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until(lambda: _create_bucket(url))
        yield url
    finally:
        process.kill()
        process.wait()


def _create_bucket(url: str) -> bool:
    request = urllib.request.Request(f"{url}/{BUCKET}", method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=5):
            return True
    except OSError:
        return False
