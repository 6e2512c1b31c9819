"""Detects a connection pool in transaction mode, such as pgbouncer's: its clients share the sessions of the server.

A pool numbers its clients itself, so a client's number differs from that of the server's process. In session mode the
process stays the client's own. In transaction mode it changes between two statements, or another client gets it.
"""

from __future__ import annotations

import weakref

from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg2 import extensions

from config.connections.probe import Probe, Refused, Unreachable, open_probe, read_parameters

_ATTEMPTS = 5
_PROBE_SECONDS = 3.0  # a pool in session mode may have no session left
_PROCESS = "SELECT pg_backend_pid()"

_own_sessions: weakref.WeakSet[extensions.connection] = weakref.WeakSet()


def has_own_session(database: BaseDatabaseWrapper) -> bool:
    """Whether the connection keeps its session of the server between two transactions.

    Asked once per connection, outside a transaction. Without a pool it costs one statement. A pool whose sessions all
    other clients use at this time may not be detected.
    """
    database.ensure_connection()
    raw = database.connection
    if raw not in _own_sessions:
        if _read_process(database) != raw.get_backend_pid() and _is_shared(database):
            return False
        _own_sessions.add(raw)
    return True


def _is_shared(database: BaseDatabaseWrapper) -> bool:
    return any(_sees_sharing(database) for _ in range(_ATTEMPTS))


def _sees_sharing(database: BaseDatabaseWrapper) -> bool:
    """Whether the process changes, or a second client gets it while this one is connected."""
    own = {_read_process(database), _read_process(database)}
    try:
        with open_probe(read_parameters(database.connection), seconds=_PROBE_SECONDS) as probe:
            others = _keep_process(probe)
            own.add(_read_process(database))
    except (Refused, Unreachable):
        others = set()
    return len(own) > 1 or not own.isdisjoint(others)


def _keep_process(probe: Probe) -> set[int]:
    """The second client's process, which it keeps until it is closed."""
    return {row[0] for row in probe.query(f"BEGIN; {_PROCESS}")}


def _read_process(database: BaseDatabaseWrapper) -> int:
    with database.cursor() as cursor:
        cursor.execute(_PROCESS)
        process: int = cursor.fetchone()[0]
    return process
