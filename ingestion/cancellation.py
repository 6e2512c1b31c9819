"""Ctrl-C and SIGTERM: a flag that is checked between batches, and the cancellation of a running statement.

An exception raised in a signal handler can occur anywhere, also between a commit and the line after it. So the handler
only records the signal. While psycopg2 waits for the server in C, Python runs no handler; a thread that the signal
wakes cancels the statement instead. It repeats this until the run has reacted, because a signal can arrive just before
a statement starts. Neither helps while the server does not respond, so a second signal ends the process at once.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator

import psycopg2
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2.extensions import connection

from config.connections.probe import NotNeeded, Refused, Unreachable, is_waiting, open_probe, read_parameters
from ingestion.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
CANCEL_EVERY_SECONDS = 0.2
_CANCEL_SECONDS = 5.0
_CANCEL = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE pid = %(pid)s AND datname = current_database()"
_REPEAT_SECONDS = 0.1  # a terminal and a program between may both send the signal of one key press
_JOIN_SECONDS = 2  # a cancel request to a server that does not answer must not keep the process alive

ENDED_AT_ONCE = "interrupted twice, so ended at once: what was not committed is not stored; run the same command again"


class CancellationToken:
    """Whether a signal has requested the run to stop, and which."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.arrived, self.acknowledged = threading.Event(), threading.Event()

    def raise_if_cancelled(self) -> None:
        """Raise `Interrupted` if a signal has arrived.

        After the main thread has raised it, statements are no longer cancelled, since the run still has to be closed.
        The thread that prepares batches raises it while the main thread may wait in a statement, to be cancelled.
        """
        if self.signal_number is not None:
            if threading.current_thread() is threading.main_thread():
                self.acknowledged.set()
            raise Interrupted(self.signal_number)


@contextlib.contextmanager
def cancel_on_signals(*, ends_on_second: bool = True) -> Iterator[CancellationToken]:
    """Within the block, SIGINT and SIGTERM set the token and cancel the running statement. For the main thread only.

    A second signal ends the process and its workers at once, unless `ends_on_second` is False: a worker receives each
    signal from the terminal and from its parent.
    """
    token = CancellationToken()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    handlers = {number: signal.signal(number, lambda number, frame: None) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading, token, ends_on_second), daemon=True)
    canceller = threading.Thread(target=_cancel_statements, args=(token, connections[DEFAULT_DB_ALIAS]), daemon=True)
    watcher.start()
    canceller.start()
    try:
        yield token
    finally:
        token.acknowledged.set()
        token.arrived.set()
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(writing)  # the watcher reads the end of the pipe and returns
        watcher.join(_JOIN_SECONDS)
        canceller.join(_JOIN_SECONDS)
        if not watcher.is_alive():
            os.close(reading)


def _watch(reading: int, token: CancellationToken, ends_on_second: bool) -> None:
    first_at = 0.0
    while woken_by := os.read(reading, 1):
        if woken_by[0] not in SIGNALS:
            continue
        if token.signal_number is None:
            token.signal_number, first_at = woken_by[0], time.monotonic()
            token.arrived.set()
        elif ends_on_second and time.monotonic() - first_at > _REPEAT_SECONDS:
            _end_process(woken_by[0])


def _end_process(number: int) -> None:
    """End this process and its workers without another statement. The server rolls their transactions back."""
    sys.stderr.write(f"{ENDED_AT_ONCE}\n")
    sys.stderr.flush()
    if "multiprocessing" in sys.modules:
        for worker in sys.modules["multiprocessing"].active_children():
            worker.kill()
    os._exit(128 + number)


def _cancel_statements(token: CancellationToken, database: BaseDatabaseWrapper) -> None:
    token.arrived.wait()
    while not token.acknowledged.wait(CANCEL_EVERY_SECONDS):
        cancel_statement(database, lambda: not token.acknowledged.is_set())


def cancel_statement(database: BaseDatabaseWrapper, is_needed: Callable[[], bool]) -> None:
    """Cancel the statement that the connection is executing, if any; called from another thread than its own."""
    if is_waiting(database.connection):
        _cancel_statement(database.connection, is_needed)


def _cancel_statement(raw: connection, is_needed: Callable[[], bool]) -> None:
    """Cancel the statement of the connection.

    psycopg2's cancel() stops all threads until the server responds. So it is used only where the server has responded
    just now, but has no session to cancel: a pool is in between, or there are too many connections.
    """
    with contextlib.suppress(psycopg2.Error, Unreachable, NotNeeded):
        try:
            with open_probe(read_parameters(raw), seconds=_CANCEL_SECONDS, is_needed=is_needed) as probe:
                is_found = bool(probe.query(_CANCEL, {"pid": raw.get_backend_pid()}))
        except Refused:
            is_found = False
        if not is_found and is_needed():
            raw.cancel()
