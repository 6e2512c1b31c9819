"""Whether the database responds, for all threads of a web process.

A thread that waits for the server in C cannot be stopped by another one, and cannot give up by itself. So while a
statement waits, or after a connection failed, a thread asks the server over a connection of its own. If there is no
response, it ends the waiting connections, and requests are refused at once until the server responds again. A single
connection is ended where the server waits for this process while a statement waits for the server.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import weakref
from typing import Any

import psycopg2
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from psycopg2 import extensions

from config.connections.probe import Refused, Unreachable, is_waiting, open_probe, read_parameters

SAMPLE_SECONDS = 0.5
PATIENCE_SECONDS = 2.0  # how long a statement waits before the server is asked
RESPONSE_SECONDS = 3.0
MAX_FAILURES = 2
SILENT_SECONDS = 8.0

# Sessions that wait for their client. A connection pool numbers its sessions itself: none of them is found.
_IDLE = """
SELECT pid, state_change::text FROM pg_stat_activity WHERE pid = ANY (%(pids)s::int8[]) AND state LIKE 'idle%%'
"""


class Monitor:
    """`is_down`: the database does not respond. One instance per process: `monitor`."""

    def __init__(self) -> None:
        self.is_down = False
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._connections: weakref.WeakSet[extensions.connection] = weakref.WeakSet()
        self._waiting_since: weakref.WeakKeyDictionary[extensions.connection, float] = weakref.WeakKeyDictionary()
        self._parameters: dict[str, Any] = {}
        self._suspected = threading.Event()
        self._failures = 0
        self._idle_since: weakref.WeakKeyDictionary[extensions.connection, tuple[str, float]]
        self._idle_since = weakref.WeakKeyDictionary()

    def observe(self) -> None:
        """Observe each connection that this process opens from now on."""
        connection_created.connect(self._add, dispatch_uid="config.connections.monitor")

    def suspect(self) -> None:
        """A request could not use the database. Ask the server now."""
        self._suspected.set()

    def end_statements(self) -> None:
        """Let all statements of this process fail that are waiting for the server."""
        with self._lock:
            connections = list(self._connections)
        for one in filter(is_waiting, connections):
            end_connection(one)

    def _add(self, connection: BaseDatabaseWrapper, **signal: object) -> None:
        with self._lock:
            self._connections.add(connection.connection)
            self._parameters = read_parameters(connection.connection)
            if self._thread is None or not self._thread.is_alive():  # a fork has no threads of its parent
                self._thread = threading.Thread(target=self._run, name="database monitor", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._suspected.wait(SAMPLE_SECONDS)
            waiting = self._list_waiting()
            is_suspected = self._suspected.is_set()
            self._suspected.clear()
            if waiting or is_suspected or self.is_down:
                self._ask(waiting, is_suspected=is_suspected)
            if self.is_down:
                time.sleep(SAMPLE_SECONDS)

    def _list_waiting(self) -> list[extensions.connection]:
        """The connections whose statement has been waiting for longer than usual."""
        with self._lock:
            connections = list(self._connections)
        now = time.monotonic()
        for one in connections:
            if is_waiting(one):
                self._waiting_since.setdefault(one, now)
            else:
                self._waiting_since.pop(one, None)
        return [one for one, since in self._waiting_since.items() if now - since >= PATIENCE_SECONDS]

    def _ask(self, waiting: list[extensions.connection], *, is_suspected: bool) -> None:
        try:
            with open_probe(self._parameters, seconds=RESPONSE_SECONDS) as probe:
                idle = dict(probe.query(_IDLE, {"pids": [one.get_backend_pid() for one in waiting if not one.closed]}))
        except Refused:
            self._failures, self.is_down = 0, False
        except Unreachable:
            # A failed connection and a failed probe are two failures.
            self._failures += 2 if is_suspected else 1
            if self._failures >= MAX_FAILURES:
                self.is_down = True
                for one in waiting:
                    end_connection(one)
        else:
            self._failures, self.is_down = 0, False
            self._end_silent(waiting, idle)

    def _end_silent(self, waiting: list[extensions.connection], idle: dict[int, str]) -> None:
        """End the connections whose sessions have been idle all the time in which their statements waited."""
        now = time.monotonic()
        for one in waiting:
            change = None if one.closed else idle.get(one.get_backend_pid())
            seen, since = self._idle_since.get(one, (None, now))
            if change is None:
                self._idle_since.pop(one, None)
            elif change != seen:
                self._idle_since[one] = change, now
            elif now - since >= SILENT_SECONDS and is_waiting(one):
                end_connection(one)


def end_connection(raw: extensions.connection) -> None:
    """Let the statement fail that waits for the server in another thread. Only the socket can end that wait."""
    with contextlib.suppress(OSError, psycopg2.Error), socket.socket(fileno=os.dup(raw.fileno())) as connected:
        connected.shutdown(socket.SHUT_RDWR)


monitor = Monitor()
