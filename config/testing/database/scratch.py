"""Databases and roles of a test's own. All databases of a server share its roles, and tests run side by side."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from django.db import connection

from config.testing.database.claim import drop_database, make_commits_fast
from marketdata import database


@contextlib.contextmanager
def scratch_database(suffix: str = "scratch", *, options: str = "") -> Iterator[str]:
    """Within it, Django's connection is to a new, empty database of the same server and owner. Yields its name.

    `options` are those of CREATE DATABASE.
    """
    before = connection.settings_dict["NAME"]
    name = f"{before}_{suffix}"
    drop_database(name)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} {options}")
    make_commits_fast(name)
    use_database(name)
    try:
        yield name
    finally:
        use_database(before)
        drop_database(name)


@contextlib.contextmanager
def migrated_database() -> Iterator[str]:
    """As `scratch_database`, with all migrations: a copy of the test database, which must be empty. It takes a tenth of
    the time that the migrations take."""
    with connection.cursor() as cursor:  # those of killed programs: a database is copied only while none is in it
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    connection.close()
    with scratch_database(options=f"TEMPLATE {connection.settings_dict['NAME']}") as name:
        yield name


def use_database(name: str) -> None:
    """Connect to this database from now on, and forget what is known of the previous one."""
    connection.close()
    connection.settings_dict["NAME"] = name
    forget_checks()


def forget_checks() -> None:
    """Let this process check the database again: `require_database` does so once per process."""
    database._require_schema.cache_clear()
    database._require_functions.cache_clear()


@contextlib.contextmanager
def temporary_role(suffix: str, options: str = "LOGIN") -> Iterator[str]:
    """Within it, the server has this role. Yields its name, which begins with that of the test database.

    At the end, what the role has in the database that is then in use goes too.
    """
    role = f"{connection.settings_dict['NAME']}_{suffix}"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP ROLE IF EXISTS {role}; CREATE ROLE {role} {options}")
    try:
        yield role
    finally:
        with connection.cursor() as cursor:  # the test may have closed the one above
            cursor.execute(f"RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}")
