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
    [[session]] = execute("SELECT pg_backend_pid()")
    parent = int(_read_fields(session)[1])
    while _has_other_session() or _has_ending_child(parent):
        time.sleep(0.01)
    user, system = _read_fields(parent)[13:15]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def _has_other_session() -> bool:
    """Within a transaction, pg_stat_activity is as it was at the first look, unless its snapshot is cleared."""
    execute("SELECT pg_stat_clear_snapshot()")
    return bool(execute(_OTHERS)[0][0])


def _has_ending_child(parent: int) -> bool:
    """True if a process of the server has freed its memory, and with it its command line, but its parent has not
    noticed its end. A session leaves pg_stat_activity before."""
    children = [process for process in _list_processes() if _read_parent(process) == parent]
    return any(not _read(process, "cmdline") for process in children)


def _list_processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _read_parent(process: int) -> int | None:
    fields = _read_fields(process)
    return int(fields[1]) if fields else None


def _read_fields(process: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on, since the second, a name, may contain blanks. An ended
    process has none."""
    return _read(process, "stat").rpartition(")")[2].split()


def _read(process: int, name: str) -> str:
    try:
        return Path(f"/proc/{process}/{name}").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
