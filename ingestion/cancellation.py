"""Ctrl-C and SIGTERM: a flag that is checked between batches, and the cancellation of a running statement.

An exception raised in a signal handler can occur anywhere, also between a commit and the line after it. So the handler
only records the signal. While psycopg2 waits for the server in C, Python runs no handler; a thread that the signal
wakes cancels the statement instead. It repeats this until the run has reacted, because a signal can arrive just before
a statement starts.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

import psycopg2
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.errors import Interrupted

SIGNALS = (signal.SIGINT, signal.SIGTERM)
_CANCEL_EVERY_SECONDS = 0.2
_JOIN_SECONDS = 2  # a cancel request to a server that does not answer must not keep the process alive


class CancellationToken:
    """Whether a signal has requested the run to stop, and which."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.acknowledged = threading.Event()

    def raise_if_cancelled(self) -> None:
        """Raise `Interrupted` if a signal has arrived. After that statements are no longer cancelled, since the run
        still has to be closed."""
        if self.signal_number is not None:
            self.acknowledged.set()
            raise Interrupted(self.signal_number)


@contextlib.contextmanager
def cancel_on_signals() -> Iterator[CancellationToken]:
    """Within the block, SIGINT and SIGTERM set the token and cancel the running statement. For the main thread only."""
    token = CancellationToken()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    handlers = {number: signal.signal(number, lambda number, frame: None) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading, token, connections[DEFAULT_DB_ALIAS]), daemon=True)
    watcher.start()
    try:
        yield token
    finally:
        token.acknowledged.set()
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(writing)  # the watcher reads the end of the pipe and returns
        watcher.join(_JOIN_SECONDS)
        if not watcher.is_alive():
            os.close(reading)


def _watch(reading: int, token: CancellationToken, database: BaseDatabaseWrapper) -> None:
    while woken_by := os.read(reading, 1):
        if woken_by[0] in SIGNALS and token.signal_number is None:
            token.signal_number = woken_by[0]
            while not token.acknowledged.wait(_CANCEL_EVERY_SECONDS):
                _cancel_statement(database)


def _cancel_statement(database: BaseDatabaseWrapper) -> None:
    # The connection belongs to the main thread, but psycopg2 allows cancel() from any thread.
    with contextlib.suppress(psycopg2.Error, AttributeError):
        database.connection.cancel()
