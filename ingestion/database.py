"""Whether the database can be used at all, and what its errors mean to a person."""

from __future__ import annotations

from django.db import Error, InterfaceError, OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from ingestion.errors import DatabaseTrouble

OLDEST_POSTGRESQL = 150_000


def require_database() -> None:
    """Raise `DatabaseTrouble` unless the server answers, is new enough, and has all migrations."""
    try:
        connection.ensure_connection()
        version = connection.pg_version
        executor = MigrationExecutor(connection)
        missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    except Error as error:
        raise DatabaseTrouble(
            f"The database cannot be used: {_first_line(error)}. Check DATABASE_URL, and that the server runs."
        ) from error
    if version < OLDEST_POSTGRESQL:
        raise DatabaseTrouble(f"The database is PostgreSQL {version // 10_000}: version 15 or newer is needed.")
    if missing:
        raise DatabaseTrouble(
            f"The database lacks {len(missing)} migration{'s' if len(missing) > 1 else ''} "
            f"(first: {missing[0][0]}): run `python manage.py migrate` first."
        )


def describe(error: Error) -> str:
    """One sentence for a database error in the middle of an ingest."""
    if isinstance(error, InterfaceError) or (isinstance(error, OperationalError) and _connection_is_gone()):
        return (
            f"The connection to the database was lost ({_first_line(error)}), so nothing of this file was stored: "
            "run the command again when the server is back."
        )
    return (
        f"The database refused the bars ({_first_line(error)}), so nothing of this file was stored: "
        "mend the cause and run the command again."
    )


def _connection_is_gone() -> bool:
    return connection.connection is None or connection.connection.closed != 0 or not connection.is_usable()


def _first_line(error: Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
