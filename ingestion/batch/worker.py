"""A worker process: receives paths over a pipe, ingests each file, and sends its progress and outcome back."""

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

# A new process imports this module before Django's settings are configured: imports that need them are in run_worker.

OUTCOME = "outcome"


def run_worker(pipe: Connection) -> None:
    """Ingest files until the parent closes the pipe. The first message is (database settings, BatchOptions)."""
    import django

    django.setup()
    from django.db import DEFAULT_DB_ALIAS, connections

    from ingestion.batch.one_file import ingest_one
    from ingestion.cancellation import SIGNALS, cancel_on_signals

    database, options = pipe.recv()
    connections.databases[DEFAULT_DB_ALIAS].update(database)  # tests and benchmarks use another one than the settings
    with cancel_on_signals(ends_on_second=False) as token:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)  # WorkerProcess blocks them until the handlers are set
        threading.Thread(target=_stop_with_the_parent, daemon=True).start()
        sending = threading.Lock()
        progress = RemoteProgress(pipe, token.raise_if_cancelled, sending)
        while (path := _receive_path(pipe)) is not None:
            outcome = ingest_one(path, options, progress)
            with contextlib.suppress(ConnectionError), sending:
                pipe.send((OUTCOME, outcome))


def _stop_with_the_parent() -> None:
    """Send SIGTERM to this process when the parent ends. It also cancels a statement, such as a wait for a lock."""
    parent = multiprocessing.parent_process()
    if parent is not None:  # None in a process that multiprocessing did not start
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)


def _receive_path(pipe: Connection) -> Path | None:
    try:
        path: Path = pipe.recv()
        return path
    except (EOFError, ConnectionError):  # the parent has closed the pipe, or has ended
        return None


class RemoteProgress(Progress):
    """Sends each call to the parent's `Progress`. If the parent has ended, the run is interrupted."""

    def __init__(
        self, pipe: Connection, raise_if_cancelled: Callable[[], None], sending: threading.Lock | None = None
    ) -> None:
        self._pipe, self._raise_if_cancelled = pipe, raise_if_cancelled
        self._sending = sending or threading.Lock()  # two threads send

    def start_file(self, path: Path, size: int) -> None:
        self._send("start_file", path, size)

    def advance_to(self, position: int) -> None:
        self._send("advance_to", position)

    def step(self, name: str) -> None:
        self._send("step", name)

    def wait_for(self, holder: str) -> None:
        with contextlib.suppress(Interrupted):  # this thread cannot interrupt the run
            self._send("wait_for", holder)

    def raise_if_cancelled(self) -> None:
        self._raise_if_cancelled()

    def _send(self, *message: object) -> None:
        try:
            with self._sending:
                self._pipe.send(message)
        except ConnectionError as error:
            raise Interrupted(signal.SIGTERM) from error
