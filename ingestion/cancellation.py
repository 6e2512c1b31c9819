"""Ctrl-C and SIGTERM: a flag that is looked at between chunks, and a statement in progress that is cancelled.

Raising from a signal handler could strike anywhere, also between a commit and the line behind it. So the handler only
takes note. psycopg2 waits for the server in C, where no handler runs; a thread that the signal wakes cancels the
statement, and goes on until the run has noticed, since the signal may fall just before a statement starts.
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
_FAREWELL_SECONDS = 2  # a cancellation on its way to a server that does not answer is not waited for


class CancellationToken:
    """Whether somebody asked to stop, and with which signal."""

    def __init__(self) -> None:
        self.signal_number: int | None = None
        self.noticed = threading.Event()

    def check(self) -> None:
        """Raise `Interrupted` if somebody asked to stop. From then on statements run undisturbed: the run is closed."""
        if self.signal_number is not None:
            self.noticed.set()
            raise Interrupted(self.signal_number)


@contextlib.contextmanager
def cancel_on_signals() -> Iterator[CancellationToken]:
    """For the main thread of a command: within it, SIGINT and SIGTERM turn the switch and cancel statements."""
    switch = CancellationToken()
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    handlers = {number: signal.signal(number, lambda number, frame: None) for number in SIGNALS}
    wakeup = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    watcher = threading.Thread(target=_watch, args=(reading, switch, connections[DEFAULT_DB_ALIAS]), daemon=True)
    watcher.start()
    try:
        yield switch
    finally:
        switch.noticed.set()
        signal.set_wakeup_fd(wakeup)
        for number, handler in handlers.items():
            signal.signal(number, handler)
        os.close(writing)  # the watcher reads the end of the pipe and leaves
        watcher.join(_FAREWELL_SECONDS)
        if not watcher.is_alive():
            os.close(reading)


def _watch(reading: int, switch: CancellationToken, database: BaseDatabaseWrapper) -> None:
    while woken_by := os.read(reading, 1):
        if woken_by[0] in SIGNALS and switch.signal_number is None:
            switch.signal_number = woken_by[0]
            while not switch.noticed.wait(_CANCEL_EVERY_SECONDS):
                _cancel_statement(database)


def _cancel_statement(database: BaseDatabaseWrapper) -> None:
    # The connection belongs to the main thread, but psycopg2's cancel() may be called from any.
    with contextlib.suppress(psycopg2.Error, AttributeError):
        database.connection.cancel()
