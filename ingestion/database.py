"""Whether the database is ready for an ingest, and its errors as sentences for the user."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

from django.db import Error, InterfaceError, OperationalError, connection
from django.db.backends.utils import CursorWrapper

from config.connections.pool import has_own_session
from config.connections.timeouts import SERVER
from ingestion.errors import DatabaseFailure, DatabaseUnavailable
from ingestion.progress import Progress
from ingestion.sessions.watch import ConnectionWatch, watch_connection
from marketdata import database
from marketdata.database import first_line

_NO_TIME_LIMITS = """
SET LOCAL idle_in_transaction_session_timeout = 0; SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0
"""
_HAS_TRANSACTION_TIMEOUT = 170_000
_MAX_NAME = 63  # bytes of an application_name


def require_database() -> None:
    """Raise `DatabaseUnavailable` unless the server answers, is recent enough, and is migrated."""
    try:
        database.require_database()
    except database.UnusableDatabase as error:
        raise DatabaseUnavailable(str(error)) from error


def require_own_session() -> None:
    """Raise `DatabaseUnavailable` where a pool gives this program's session to others between two transactions.

    The lock of a run lasts as long as its session. In such a pool it would be released while the run is running, or
    kept after its process has died.
    """
    if not has_own_session(connection):
        raise DatabaseUnavailable(
            "DATABASE_URL is a connection pool in transaction mode, where the locks of a run do not last, so nothing "
            "was changed: set DATABASE_URL to the PostgreSQL server itself, or to a pool in session mode."
        )


def lift_time_limits(cursor: CursorWrapper) -> None:
    """Exempt the rest of this transaction from time limits of the role or the database.

    They are meant for requests. A load waits for other writers, and is idle while it reads from a slow disk.
    """
    cursor.execute(_NO_TIME_LIMITS)
    if connection.pg_version >= _HAS_TRANSACTION_TIMEOUT:  # type: ignore[attr-defined]  # only PostgreSQL's backend has it
        cursor.execute("SET LOCAL transaction_timeout = 0")


def prepare_transaction(cursor: CursorWrapper) -> None:
    """Settings of a transaction that writes, or that reads for long.

    No time limit ends it. The server notices within seconds that this program was killed, and other sessions see which
    process on which machine has the locks.
    """
    lift_time_limits(cursor)
    cursor.execute(SERVER)
    name = f"barkeep process {os.getpid()} on {socket.gethostname()}"
    cursor.execute("SELECT set_config('application_name', %s, true)", [name[:_MAX_NAME]])


@contextlib.contextmanager
def check_before_statements(progress: Progress) -> Iterator[None]:
    """Within the block, `Interrupted` is raised before a statement if a signal has arrived.

    A statement that runs is cancelled, but Python may prepare thousands of statements for many series.
    """

    def check(execute: Callable[..., Any], *arguments: Any) -> Any:
        progress.raise_if_cancelled()
        return execute(*arguments)

    with connection.execute_wrapper(check):
        yield


@contextlib.contextmanager
def translate_database_errors(
    progress: Progress, *, what: str = "bars", outcome: str = "nothing of this file was stored"
) -> Iterator[None]:
    """Raise database errors as `IngestError`. The message names `what` the database refused, and the `outcome`.

    Wraps transactions; within one, an error must reach Django's rollback first. A connection that goes silent is ended.
    """
    watch: ConnectionWatch | None = None
    try:
        with watch_connection(progress) as watch:
            yield
    except DatabaseUnavailable:
        progress.raise_if_cancelled()  # Ctrl-C may be the reason
        raise
    except Error as error:
        progress.raise_if_cancelled()  # Ctrl-C cancels the current statement
        reason = watch.reason if watch else ""
        raise DatabaseFailure(_describe(error, reason, what, outcome)) from error


def _describe(error: Error, reason: str, what: str, outcome: str) -> str:
    """`reason`: why this program has ended the connection, empty if it has not."""
    if reason or _is_connection_lost(error):
        return (
            f"The connection to the database was lost ({reason or first_line(error)}), so {outcome}: "
            "run the command again when the server is back."
        )
    return (
        f"The database refused the {what} ({first_line(error)}), so {outcome}: "
        "remove the cause and run the command again."
    )


def _is_connection_lost(error: Error) -> bool:
    """By the error, not by the connection, which Django may have replaced by now. An error without SQLSTATE is the
    client's own; class 08 is a connection exception, 57P a server that is stopping."""
    state = getattr(error.__cause__, "pgcode", None) or "08000"
    return isinstance(error, (InterfaceError, OperationalError)) and state.startswith(("08", "57P"))
