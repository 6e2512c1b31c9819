"""Is the server that a pid file speaks of alive, and ours?

A pid file survives a crash, a reboot and a container, and its number may belong to anything afterwards:
PostgreSQL would refuse to start, and `pg_ctl stop` would interrupt a stranger.
"""

from pathlib import Path

import psutil

from config.embedded.sockets import FILE

STATUS_LINE = 7  # of postmaster.pid, counted from 0: starting, stopping, ready or standby


def status(data: Path) -> str | None:
    """What the running server of that data folder says of itself; None if none runs."""
    lines = _lines(data / "postmaster.pid")
    if not _is_ours(lines, data):
        return None
    return lines[STATUS_LINE].strip() if len(lines) > STATUS_LINE else "starting"


def drop_stale_files(data: Path, folder: Path) -> None:
    """Remove pid files whose process is gone or is something else."""
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
    except psutil.NoSuchProcess:  # zombies are a kind of it
        return False
    except psutil.AccessDenied:
        return True  # cannot be told: starting a second server is what must not happen
