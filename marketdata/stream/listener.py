"""The hub's connection to the database, which receives its notifications. It belongs to one thread."""

from __future__ import annotations

import contextlib
import os
import selectors
from dataclasses import dataclass, field

import psycopg2
from django.db import DatabaseError, connection

from config.connections.pool import has_own_session
from marketdata.runs.commits import CHANNEL as RUNS

# The payload is the dataset whose feed has another state.
FEEDS = "market_feeds"

_STATEMENT_TIMEOUT_MS = 5_000


@dataclass
class Notices:
    """What the database has notified: runs whose changes are committed, and datasets whose feed has another state."""

    runs: set[int] = field(default_factory=set)
    datasets: set[str] = field(default_factory=set)


class Listener:
    """Waits for notifications, for `wake`, or for a time. `is_listening` is False with a connection pool, and on a
    replica, where there are none: then the hub looks for changes by itself, each second."""

    def __init__(self) -> None:
        self.is_listening = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        os.set_blocking(self._writer, False)

    def connect(self) -> None:
        """Open the thread's connection, and listen. Raises `OperationalError`."""
        self.is_listening = has_own_session(connection) and self._listen()

    def _listen(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute(f"SET statement_timeout = {_STATEMENT_TIMEOUT_MS}")
            cursor.execute("SELECT pg_is_in_recovery()")
            if cursor.fetchone()[0]:
                return False
            cursor.execute(f"LISTEN {RUNS}; LISTEN {FEEDS}")
        return True

    def wake(self) -> None:
        """End the wait now. Any thread may call it."""
        with contextlib.suppress(OSError):  # the pipe is full, or closed: the wait ends in any case
            os.write(self._writer, b"x")

    def wait(self, seconds: float) -> Notices:
        """What has been notified since the last call. Raises `OperationalError` if the connection is lost."""
        notices = self._read_notices()
        if not (notices.runs or notices.datasets):
            with selectors.DefaultSelector() as selector:
                selector.register(self._reader, selectors.EVENT_READ)
                if connection.connection is not None:
                    selector.register(connection.connection, selectors.EVENT_READ)
                selector.select(max(0.0, seconds))
            notices = self._read_notices()
        with contextlib.suppress(BlockingIOError):
            os.read(self._reader, 4096)
        return notices

    def sleep(self, seconds: float) -> None:
        """Wait without a connection, as long as `wake` is not called."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._reader, selectors.EVENT_READ)
            selector.select(seconds)

    def _read_notices(self) -> Notices:
        notices, raw = Notices(), connection.connection
        if raw is None:
            return notices
        with connection.wrap_database_errors:
            raw.poll()
        while raw.notifies:
            notice = raw.notifies.pop(0)
            if notice.channel == FEEDS:
                notices.datasets.add(notice.payload)
            elif notice.payload.isascii() and notice.payload.isdigit():  # any role may notify
                notices.runs.add(int(notice.payload[:18]))
        return notices

    def disconnect(self) -> None:
        """Close the thread's connection; `connect` opens another one."""
        self.is_listening = False
        with contextlib.suppress(DatabaseError, psycopg2.Error):
            connection.close()

    def close(self) -> None:
        self.disconnect()
        os.close(self._reader)
        os.close(self._writer)
