"""Whether the database can be used at all, and what its errors mean to a person."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator

from django.db import Error, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from ingestion.errors import DatabaseTrouble, DatabaseUnavailable
from ingestion.observer import Observer

OLDEST_POSTGRESQL = 150_000

# psycopg2 gives no SQLSTATE for a connection that is refused.
_FULL = re.compile("too many (clients|connections)|remaining connection slots")
_CHECK = "Check DATABASE_URL, and that the server runs"


def require_database() -> None:
    """Raise `DatabaseUnavailable` unless the server answers, is new enough, and has all migrations."""
    try:
        if not connection.in_atomic_block:
            # As before each web request: a connection that has lain idle may have been cut meanwhile.
            connection.close_if_unusable_or_obsolete()
        connection.ensure_connection()
        _require_schema()
    except Error as error:
        advice = "Use fewer --jobs, or end other programs" if _FULL.search(str(error)) else _CHECK
        raise DatabaseUnavailable(f"The database cannot be used: {_first_line(error)}. {advice}.") from error


@functools.cache
def _require_schema() -> None:
    """Looked at until all is well, and then no more by this process: it takes longer than a small file."""
    version = connection.pg_version
    if version < OLDEST_POSTGRESQL:
        raise DatabaseUnavailable(f"The database is PostgreSQL {version // 10_000}: version 15 or newer is needed.")
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise DatabaseUnavailable(
            f"The database lacks {len(missing)} migration{'s' if len(missing) > 1 else ''} "
            f"(first: {missing[0][0]}): run `python manage.py migrate` first."
        )


@contextlib.contextmanager
def database_errors_in_words(
    observer: Observer, *, what: str = "bars", outcome: str = "nothing of this file was stored"
) -> Iterator[None]:
    """Raise what goes wrong with the database as an `IngestError`, which says `what` it was about and what has become
    of it. Goes around transactions, not into them."""
    try:
        yield
    except DatabaseUnavailable:
        observer.check()  # Ctrl-C may be why
        raise
    except Error as error:
        observer.check()  # a statement is also cancelled because somebody wants to stop
        raise DatabaseTrouble(_describe(error, what, outcome)) from error


def _describe(error: Error, what: str, outcome: str) -> str:
    if _connection_was_lost(error):
        return (
            f"The connection to the database was lost ({_first_line(error)}), so {outcome}: "
            "run the command again when the server is back."
        )
    return (
        f"The database refused the {what} ({_first_line(error)}), so {outcome}: "
        "mend the cause and run the command again."
    )


def _connection_was_lost(error: Error) -> bool:
    """By the error, not by the connection, which Django may have replaced by now. Without an SQLSTATE it is the client
    that complains, in class 08 either side of the connection, in 57P the server, which is being stopped."""
    state = getattr(error.__cause__, "pgcode", None) or "08000"
    return isinstance(error, (InterfaceError, OperationalError)) and state.startswith(("08", "57P"))


def _first_line(error: Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
