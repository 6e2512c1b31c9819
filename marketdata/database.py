"""Whether the database can be used at all, said in a sentence by every command that needs it."""

from __future__ import annotations

import contextlib
import functools
import pkgutil
import re
from collections.abc import Iterator

from django.db import Error, connection

from marketdata import migrations
from marketdata.command_line import manage

OLDEST_POSTGRESQL = 150_000

# psycopg2 gives no SQLSTATE for a connection that is refused.
_FULL = re.compile("too many (clients|connections)|remaining connection slots")
_CHECK = "Check DATABASE_URL, and that the server runs"


class UnusableDatabase(Exception):
    """The database cannot be used, whatever is asked of it; the message says why and what to do."""


def require_database() -> None:
    """Raise `UnusableDatabase` unless the server answers, is new enough, and has all migrations."""
    try:
        if not connection.in_atomic_block:
            # As before each web request: a connection that has lain idle may have been cut meanwhile.
            connection.close_if_unusable_or_obsolete()
        connection.ensure_connection()
        _require_schema()
    except Error as error:
        advice = "Use fewer --jobs, or end other programs" if _FULL.search(str(error)) else _CHECK
        raise UnusableDatabase(f"The database cannot be used: {first_line(error)}. {advice}.") from error


@contextlib.contextmanager
def usable_database() -> Iterator[None]:
    """Require the database, and raise what goes wrong with it inside as `UnusableDatabase` too."""
    require_database()
    try:
        yield
    except Error as error:
        raise UnusableDatabase(
            f"The database could not do its part ({first_line(error)}): run the command again when it can."
        ) from error


@functools.cache
def _require_schema() -> None:
    """Looked at until all is well, and then no more by this process: it takes longer than a small file."""
    version = connection.pg_version
    if version < OLDEST_POSTGRESQL:
        raise UnusableDatabase(f"The database is PostgreSQL {version // 10_000}: version 15 or newer is needed.")
    missing = sorted(_migrations() - _applied())
    if missing:
        raise UnusableDatabase(
            f"The database lacks {len(missing)} migration{'s' if len(missing) > 1 else ''} "
            f"(first: marketdata.{missing[0]}): run `{manage()} migrate` first."
        )


def _migrations() -> set[str]:
    """By the names of their files: Django's own look imports every migration of every app, for a tenth of the time that
    a small file takes in all."""
    return {module.name for module in pkgutil.iter_modules(migrations.__path__)}


def _applied() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return set()
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'marketdata'")
        return {name for (name,) in cursor}


def first_line(error: Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
