"""One of several processes that take files: it gets a path, takes the file as the command itself would, and sends back
what an observer would see, and then the outcome."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

from ingestion.errors import Interrupted
from ingestion.progress import Progress

# Nothing that needs Django's settings may be imported up here: a fresh process reads this before they are there.

OUTCOME = "outcome"


def work(line: Connection) -> None:
    """Take files until nobody sends any. The first thing on the line is the database to write to, and the order."""
    import django

    django.setup()
    from django.db import DEFAULT_DB_ALIAS, connections

    from ingestion.batch.one_file import ingest_one
    from ingestion.cancellation import SIGNALS, cancel_on_signals

    database, options = line.recv()
    connections.databases[DEFAULT_DB_ALIAS].update(database)  # a test's, or a benchmark's, is not that of the settings
    with cancel_on_signals() as token:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # the parent held them back until now
        threading.Thread(target=_stop_with_the_parent, daemon=True).start()
        progress = RemoteProgress(line, token.raise_if_cancelled)
        while (path := _next_path(line)) is not None:
            outcome = ingest_one(path, options, progress)
            with contextlib.suppress(ConnectionError):
                line.send((OUTCOME, outcome))


def _stop_with_the_parent() -> None:
    """Also in the middle of a statement, which may be a long wait for another's lock."""
    multiprocessing.parent_process().join()
    os.kill(os.getpid(), signal.SIGTERM)


def _next_path(line: Connection) -> Path | None:
    try:
        return line.recv()
    except (EOFError, ConnectionError):  # the parent has no more, or is gone
        return None


class RemoteProgress(Progress):
    """Tells the parent's observer what it is told. If the parent is gone, the file is left as it was."""

    def __init__(self, line: Connection, raise_if_cancelled: Callable[[], None]) -> None:
        super().__init__()
        self._line, self._raise_if_cancelled = line, raise_if_cancelled

    def start_file(self, path: Path, size: int) -> None:
        self._tell("start_file", path, size)

    def advance_to(self, position: int) -> None:
        self._tell("advance_to", position)

    def step(self, name: str) -> None:
        self._tell("step", name)

    def raise_if_cancelled(self) -> None:
        self._raise_if_cancelled()

    def _tell(self, *message: object) -> None:
        try:
            self._line.send(message)
        except ConnectionError as error:
            raise Interrupted(signal.SIGTERM) from error
