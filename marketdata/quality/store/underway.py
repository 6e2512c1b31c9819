"""Whether a check is underway, so that alerts wait until all of its series are judged: one message for one cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from config.connections.pool import has_own_session
from marketdata.advisory_locks import QUALITY_CHECKS
from marketdata.database import UnusableDatabase

_SHARED = (
    "DATABASE_URL is a connection pool in transaction mode, where the lock of a check does not end with it, so nothing "
    "was checked: set DATABASE_URL to the PostgreSQL server itself, or to a pool in session mode; or use --dry-run."
)


@contextmanager
def mark_underway(*, dry_run: bool = False) -> Iterator[None]:
    """Hold the lock of checks. It ends with the connection, also if the process is killed. Not for a dry run.

    Raises `UnusableDatabase` in a pool that would keep the lock after this program: no alert would be sent any more.
    """
    if dry_run:
        yield
        return
    if not has_own_session(connection):
        raise UnusableDatabase(_SHARED)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock_shared(%s, %s)", QUALITY_CHECKS)
    try:
        yield
    finally:
        if not connection.needs_rollback and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock_shared(%s, %s)", QUALITY_CHECKS)


def is_underway() -> bool:
    """Whether a check runs. Otherwise no check starts until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT NOT pg_try_advisory_xact_lock(%s, %s)", QUALITY_CHECKS)
        underway: bool = cursor.fetchone()[0]
    return underway
