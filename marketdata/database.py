"""Whether the database can be used at all. Every command that needs it reports the reason in one sentence."""

from __future__ import annotations

import contextlib
import functools
import pkgutil
import re
from collections.abc import Iterator

from django.apps import apps
from django.db import Error, connection
from django.db.backends.utils import CursorWrapper
from psycopg2.extensions import encodings

from marketdata import migrations
from marketdata.command_line import manage
from marketdata.sql.installed import MissingTables, find_differences

OLDEST_POSTGRESQL = 150_000
MAX_SHOWN = 4  # differences that the message names

# psycopg2 gives no SQLSTATE for a connection that is refused.
_FULL = re.compile("too many (clients|connections)|remaining connection slots")
_COLUMNS = """
SELECT relations.relname::text, columns.attname::text
FROM unnest(%s) AS expected (name)
JOIN pg_class AS relations ON relations.oid = to_regclass(expected.name)
JOIN pg_attribute AS columns ON columns.attrelid = relations.oid AND columns.attnum > 0 AND NOT columns.attisdropped
"""
_CHECK = "Check DATABASE_URL, and that the server runs"


class UnusableDatabase(Exception):
    """The database cannot be used for anything. The message gives the reason and the remedy."""


def require_database(*, functions: bool = True) -> None:
    """Raise `UnusableDatabase` unless the server answers, is new enough, and has all migrations and `functions`."""
    try:
        if not connection.in_atomic_block:
            # As before each web request: the server may have closed a connection that was idle.
            connection.close_if_unusable_or_obsolete()
        connection.ensure_connection()
        _require_schema()
        if functions:
            _require_functions()
    except Error as error:
        advice = "Use fewer --jobs, or end other programs" if _FULL.search(str(error)) else _CHECK
        raise UnusableDatabase(f"The database cannot be used: {first_line(error)}. {advice}.") from error


@contextlib.contextmanager
def usable_database(*, functions: bool = True) -> Iterator[None]:
    """Require the database, and raise its errors inside the block as `UnusableDatabase`, too."""
    require_database(functions=functions)
    try:
        yield
    except Error as error:
        raise UnusableDatabase(
            f"The database could not do its part ({first_line(error)}): run the command again when it can."
        ) from error


@functools.cache
def _require_schema() -> None:
    """Checked until it succeeds, then no more by this process: it takes longer than loading a small file."""
    version: int = connection.pg_version  # type: ignore[attr-defined]  # only the PostgreSQL backend has it
    if version < OLDEST_POSTGRESQL:
        raise UnusableDatabase(f"The database is PostgreSQL {version // 10_000}: version 15 or newer is needed.")
    missing = sorted(_migrations() - _applied())
    if missing:
        raise UnusableDatabase(
            f"The database lacks {len(missing)} migration{'s' if len(missing) > 1 else ''} "
            f"(first: marketdata.{missing[0]}): run `{manage()} migrate` first."
        )


@functools.cache
def _require_functions() -> None:
    """Checked once per process, like the schema. The migrations can all be recorded in a database that was restored
    without its functions, and a trigger can be dropped or disabled at any time."""
    with connection.cursor() as cursor:
        try:
            differences = find_differences(cursor)
        except MissingTables as error:
            raise UnusableDatabase(describe_missing(error.names)) from error
        if not differences:
            return
        cursor.execute("SELECT current_database(), current_schema()")
        database, schema = cursor.fetchone()
    shown = ", ".join(differences[:MAX_SHOWN])
    more = f", and {len(differences) - MAX_SHOWN} more" if len(differences) > MAX_SHOWN else ""
    raise UnusableDatabase(
        f"The database {database} (schema {schema}) does not have the functions and triggers of this version "
        f"({shown}{more}): run `{manage()} install_functions` first."
    )


def describe_missing(tables: list[str]) -> str:
    """The sentence for tables that were dropped after all migrations had been recorded: no command creates them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), current_schema()")
        database, schema = cursor.fetchone()
    return (
        f"The database {database} (schema {schema}) lacks {'the table' if len(tables) == 1 else 'the tables'} "
        f"{', '.join(tables)}: restore the database from a backup, or migrate a new database and load the files again."
    )


def _migrations() -> set[str]:
    """The names of the migrations' files. Django's loader imports every migration of every app, which would add a tenth
    to the time of a small file. A squashed migration does not count beside the last one that it replaces."""
    names = {module.name for module in pkgutil.iter_modules(migrations.__path__) if not module.name.startswith("_")}
    return {name for name in names if name.partition("_squashed_")[2] not in names}


def _applied() -> set[str]:
    """The applied migrations. A role that may not read their table sees by the columns whether all are applied."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('django_migrations') IS NOT NULL")
        if not cursor.fetchone()[0]:
            return set()
        cursor.execute("SELECT has_table_privilege('django_migrations', 'SELECT')")
        if not cursor.fetchone()[0]:
            return _migrations() if _has_all_columns(cursor) else set()
        cursor.execute("SELECT name FROM django_migrations WHERE app = 'marketdata'")
        return {name for (name,) in cursor}


def _has_all_columns(cursor: CursorWrapper) -> bool:
    expected = {
        (model._meta.db_table, field.column)
        for model in apps.get_app_config("marketdata").get_models()
        for field in model._meta.concrete_fields
    }
    cursor.execute(_COLUMNS, [sorted({table for table, _ in expected})])
    return expected <= set(cursor.fetchall())


def to_storable(text: str) -> str:
    """The text, with escapes for characters that the database cannot store: NUL, halves of characters, and those that
    its encoding lacks: `\\u2026` in one in LATIN1.

    A reason for a refusal that cannot be stored would be replaced by a wrong one.
    """
    text = text.replace("\0", "\\x00").encode("utf-8", "backslashreplace").decode()
    connection.ensure_connection()
    encoding = connection.connection.info.parameter_status("server_encoding")
    codec = encodings.get(encoding, "ascii")  # SQL_ASCII stores any bytes, but other clients could not read them
    return text if codec == "utf_8" else text.encode(codec, "backslashreplace").decode(codec)


def get_sqlstate(error: BaseException) -> str:
    """PostgreSQL's code of the error, or of the one that caused it; empty if the server sent none."""
    cause: BaseException | None = error
    while cause is not None:
        if code := getattr(cause, "pgcode", None):
            return str(code)
        cause = cause.__cause__ or cause.__context__
    return ""


def is_write_refused(error: BaseException) -> bool:
    """Whether the role lacks a right, or the session may only read, as on a replica."""
    return get_sqlstate(error) in ("42501", "25006")  # insufficient_privilege, read_only_sql_transaction


def first_line(error: Error) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".:") if lines else type(error).__name__
