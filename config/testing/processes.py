"""Commands in processes of their own, and other sessions on the test database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper

from ingestion.loading.locks import SERIES_LOCKS
from marketdata.advisory_locks import SERIES_CLASS
from marketdata.models import IngestRun

LOCK_EVERY_SERIES = (
    "SELECT pg_advisory_lock(%s, number) FROM generate_series(0, %s) AS number",
    [SERIES_CLASS, SERIES_LOCKS - 1],
)


@dataclass(frozen=True)
class Ended:
    """How a command ended. `sentence` is its error message; it fails if standard error has other lines."""

    code: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        lines = self.err.strip().splitlines()
        assert len(lines) == 1, self.err
        return lines[0].removeprefix("CommandError: ")


class Process:
    """`manage.py ingest_dbn`, or another command, in a process group of its own, with captured output."""

    def __init__(
        self, *arguments: object, command: str = "ingest_dbn", url: str | None = None, **variables: str
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", command, *map(str, arguments)],
            cwd=settings.BASE_DIR,
            env=os.environ | {"DATABASE_URL": database_url() if url is None else url} | variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def __enter__(self) -> Process:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._process.kill()
        self._process.communicate()

    @property
    def pid(self) -> int:
        return self._process.pid

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def press_ctrl_c(self) -> None:
        """Send SIGINT to the command and its children, as a terminal does."""
        os.killpg(self._process.pid, signal.SIGINT)

    def read_error_line(self) -> str:
        """The next line of standard error; empty at its end."""
        assert self._process.stderr is not None
        line: str = self._process.stderr.readline()
        return line

    def end(self, seconds: float = 60) -> Ended:
        out, err = self._process.communicate(timeout=scale_limit(seconds))
        return Ended(self._process.returncode, out, err)


def run(*arguments: object, **where: str) -> Ended:
    with Process(*arguments, **where) as process:
        return process.end()


def database_url() -> str:
    """The test database's URL for other processes, by TCP or by the embedded server's socket."""
    connection.ensure_connection()
    server = connection.connection.info
    user = quote(server.user) + (f":{quote(server.password)}" if server.password else "")
    return f"postgres://{user}@/{quote(server.dbname)}?host={quote(server.host, safe='')}&port={server.port}"


@contextlib.contextmanager
def session() -> Iterator[CursorWrapper]:
    """Another session on the test database, in autocommit mode."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


@contextlib.contextmanager
def series_locked() -> Iterator[None]:
    """Lock all series in another session: an ingest stages its file, then waits."""
    with session() as cursor:
        cursor.execute(*LOCK_EVERY_SERIES)
        yield


def until(condition: Callable[[], object], *, seconds: float = 60) -> object:
    """Wait until `condition` returns something true; returns that. On a busy machine a command needs many seconds
    before it does anything: the default proves nothing about it."""
    deadline = time.monotonic() + scale_limit(seconds)
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.01)
    return found


def scale_limit(seconds: float) -> float:
    """A limit of what a test measures, in seconds. Where more processes compute than the machine has cores, each gets
    a share of one, and the limit is longer by as much."""
    return seconds * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def running() -> IngestRun | None:
    return IngestRun.objects.filter(status="running").first()


def backend_in(state: str) -> int | None:
    """The backend's process id of an active session whose statement is ILIKE `state`; None if there is none."""
    return next(iter(_backends_in(state)), None)


def backends_in(state: str) -> int:
    """The number of active sessions whose statement is ILIKE `state`."""
    return len(_backends_in(state))


def _backends_in(state: str) -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND state <> 'idle' AND query ILIKE %s",
            [state],
        )
        return [pid for (pid,) in cursor]
