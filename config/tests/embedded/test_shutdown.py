"""SIGTERM to `runserver`."""

import socket
import subprocess
import sys
import time

import pytest

from config.embedded import server
from config.testing.database.embedded import PROJECT, make_environment


@pytest.mark.parametrize(("options", "code"), [(["--noreload"], 143), ([], 0)], ids=["alone", "reloader"])
def test_sigterm_to_the_last_web_server_stops_the_database(home, options, code):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "manage.py", "runserver", f"127.0.0.1:{port}", *options],
        cwd=PROJECT,
        env=make_environment() | {"DATABASE_URL": "", "EMBEDDED_PG_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 60
        while not (server.is_running(home) and _listens(port)) and time.monotonic() < until:
            time.sleep(0.1)
        assert server.is_running(home)
        process.terminate()
        assert process.wait(30) == code
        assert not server.is_running(home)
    finally:
        process.kill()


def _listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
