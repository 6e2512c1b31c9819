"""Watches the connection of a run: it ends a silent one, and reports for whom a statement waits.

TCP notices a dead network by itself, but not a proxy or a server that accepts data and does nothing. So while a
statement waits for the server, a second connection asks about the first. The statement may take as long as it needs as
long as the server works on it. The connection is lost where the server does not respond at all, or waits for this
program while this program waits for the server.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import psycopg2
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import extensions

from config.connections.monitor import end_connection
from config.connections.probe import NotNeeded, Probe, Refused, Unreachable, is_waiting, open_probe, read_parameters
from ingestion.progress import Progress
from ingestion.sessions.lock_holders import find_holder

SAMPLE_SECONDS = 1.0
PROBE_SECONDS = 5.0  # how long a statement waits before the server is asked, and between two questions
RESPONSE_SECONDS = 10.0
SILENT_SECONDS = 20.0

# `idle` and `Client`: the server waits for this program. During COPY, the number of bytes shows whether data arrives.
_SESSION = """
SELECT activity.state LIKE 'idle%%' OR activity.wait_event_type = 'Client', activity.wait_event_type = 'Lock',
    activity.state, activity.state_change::text, copying.bytes_processed
FROM pg_stat_activity AS activity
LEFT JOIN pg_stat_progress_copy AS copying ON copying.pid = activity.pid
WHERE activity.pid = %(pid)s
"""
_END_SESSION = "SELECT pg_terminate_backend(%(pid)s)"


class ConnectionWatch:
    """`reason` is empty, or why the connection was ended."""

    def __init__(self, database: BaseDatabaseWrapper, progress: Progress) -> None:
        self.reason = ""
        self._database, self._progress = database, progress
        self._stopped = threading.Event()
        self._holder = ""
        self._reset()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        """Until `stop`, or until the connection is ended."""
        while not self.reason and not self._stopped.wait(SAMPLE_SECONDS):
            raw = self._database.connection
            if not is_waiting(raw):
                self._reset()
            elif time.monotonic() >= self._next_probe:
                self._probe(raw)

    def _reset(self) -> None:
        self._next_probe = time.monotonic() + PROBE_SECONDS
        self._unreachable_since: float | None = None
        self._silent_since: float | None = None
        self._last_seen: tuple | None = None

    def _probe(self, raw: extensions.connection) -> None:
        started = time.monotonic()
        self._next_probe = started + PROBE_SECONDS

        def is_needed() -> bool:
            return not self._stopped.is_set() and is_waiting(raw)

        try:
            with open_probe(read_parameters(raw), seconds=RESPONSE_SECONDS, is_needed=is_needed) as probe:
                self._look_at_session(raw, probe)
            self._unreachable_since = None
        except (NotNeeded, psycopg2.Error):  # the statement, or its connection, has ended meanwhile
            self._reset()
        except Refused:
            self._unreachable_since = self._silent_since = None
        except Unreachable as error:
            self._silent_since = None
            self._unreachable_since = self._unreachable_since or started
            waited = time.monotonic() - self._unreachable_since
            if waited >= SILENT_SECONDS and is_needed():
                self._end(raw, f"the server has not responded for {waited:.0f} s: {error}")

    def _look_at_session(self, raw: extensions.connection, probe: Probe) -> None:
        pid: dict[str, Any] = {"pid": raw.get_backend_pid()}
        rows = probe.query(_SESSION, pid)
        if not rows:  # a pool is in between, and numbers its sessions itself
            self._silent_since = None
            return
        waits_for_client, waits_for_lock, *seen = rows[0]
        if waits_for_lock:
            self._report_holder(find_holder(probe, pid["pid"]))
        if not waits_for_client or tuple(seen) != self._last_seen:
            self._last_seen = tuple(seen) if waits_for_client else None
            self._silent_since = time.monotonic() if waits_for_client else None
        elif self._silent_since is not None and time.monotonic() - self._silent_since >= SILENT_SECONDS:
            probe.query(_END_SESSION, pid)  # else it would keep its locks for as long as the connection stays silent
            self._end(raw, f"nothing has arrived for {SILENT_SECONDS:.0f} s, although the server responds")

    def _report_holder(self, holder: str) -> None:
        if holder and holder != self._holder:
            self._holder = holder
            self._progress.wait_for(holder)

    def _end(self, raw: extensions.connection, reason: str) -> None:
        self.reason = reason
        end_connection(raw)


@contextlib.contextmanager
def watch_connection(progress: Progress) -> Iterator[ConnectionWatch]:
    """Watch this thread's connection to the database within the block."""
    watch = ConnectionWatch(connections[DEFAULT_DB_ALIAS], progress)
    threading.Thread(target=watch.run, name="connection watch", daemon=True).start()
    try:
        yield watch
    finally:
        watch.stop()
