"""Whether a check is underway, so that alerts wait until all of its series are judged: one message for one cause."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from marketdata.advisory_locks import QUALITY_CHECKS


@contextmanager
def mark_underway(*, dry_run: bool = False) -> Iterator[None]:
    """Hold the lock of checks. It ends with the connection, also if the process is killed. Not for a dry run."""
    if dry_run:
        yield
        return
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
