"""Checks that the process of a pid file is alive and is this server.

A pid file survives a crash, a reboot and a container; its number may then belong to another process. PostgreSQL would
refuse to start, and `pg_ctl stop` would signal that other process.
"""

from pathlib import Path

import psutil

from config.embedded.sockets import FILE

STATUS_LINE = 7  # of postmaster.pid, counted from 0


def status(data: Path) -> str | None:
    """The status in postmaster.pid: starting, stopping, ready or standby. None if no server runs on that folder."""
    lines = _lines(data / "postmaster.pid")
    if not _is_ours(lines, data):
        return None
    return lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else "starting"


def remove_stale_files(data: Path, folder: Path) -> None:
    """Remove pid files whose process has ended or is another program."""
    for path in (data / "postmaster.pid", folder / f"{FILE}.lock"):
        if path.exists() and not _is_ours(_lines(path), data):
            path.unlink(missing_ok=True)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []


def _is_ours(lines: list[str], data: Path) -> bool:
    if not lines or not lines[0].strip().isdigit():
        return False
    try:
        return str(data) in psutil.Process(int(lines[0])).cmdline()
    except psutil.NoSuchProcess:  # psutil counts a zombie as ended
        return False
    except psutil.AccessDenied:
        return True  # unknown; assume this server, since a second one would damage the data
