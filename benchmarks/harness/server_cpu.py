"""The CPU time of the database server's sessions."""

from __future__ import annotations

import os
import time
from pathlib import Path

from benchmarks.harness.measure import execute

_OTHERS = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


def read_server_cpu() -> float:
    """CPU seconds of all sessions of the server that have ended. Waits until the scratch database has no other session.

    The server must run on this machine, and on Linux: the kernel adds the time of an ended process to its parent's.
    """
    while execute(_OTHERS)[0][0]:
        time.sleep(0.01)
    [[session]] = execute("SELECT pg_backend_pid()")
    parent = _read_fields(session)[1]
    user, system = _read_fields(int(parent))[13:15]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _read_fields(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on: the second, a name, may contain blanks."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
