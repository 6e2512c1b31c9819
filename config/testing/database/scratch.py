"""Databases of a test's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import connection

from marketdata import database


@contextlib.contextmanager
def scratch_database(suffix: str = "scratch", *, options: str = "") -> Iterator[str]:
    """Within it, Django's connection is to a new, empty database of the same server and owner. Yields its name.

    `options` are those of CREATE DATABASE.
    """
    before = connection.settings_dict["NAME"]
    name = f"{before}_{suffix}"
    _execute_outside(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _execute_outside(f"CREATE DATABASE {name} {options}")
    use_database(name)
    try:
        yield name
    finally:
        use_database(before)
        _execute_outside(f"DROP DATABASE {name} WITH (FORCE)")


def use_database(name: str) -> None:
    """Connect to this database from now on, and forget what is known of the previous one."""
    connection.close()
    connection.settings_dict["NAME"] = name
    forget_checks()


def forget_checks() -> None:
    """Let this process check the database again: `require_database` does so once per process."""
    database._require_schema.cache_clear()
    database._require_functions.cache_clear()


def _execute_outside(sql: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(sql)
