"""The test database belongs to one run of the tests at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from django.db import connection


@contextlib.contextmanager
def claim_database(name: str) -> Iterator[None]:
    """Within it, no other run of the tests uses the database of this name. If one does, this run ends."""
    parameters = connection.get_connection_params() | {"dbname": "postgres"}
    raw = connection.get_new_connection(parameters)
    raw.autocommit = True
    try:
        with raw.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name])
            if not cursor.fetchone()[0]:
                pytest.exit(f"Another run of the tests uses the database {name}: wait until it has ended.", 3)
        yield
    finally:
        raw.close()


def drop_database(name: str) -> None:
    """Drop the database if it exists, and end its sessions: those of killed programs live as long as they wait."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def make_commits_fast(name: str) -> None:
    """Sessions that begin later do not wait for the disk at each commit. Only a crash of the server loses them: tests
    of crashes have servers of their own."""
    with connection._nodb_cursor() as cursor:
        cursor.execute(f'ALTER DATABASE "{name}" SET synchronous_commit = off')
    connection.close()
