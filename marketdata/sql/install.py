"""Creates every database function and trigger, as the files of this folder define them."""

from __future__ import annotations

from pathlib import Path

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from marketdata.sql.installed import FOREIGN, find_faulty

# A function keeps the search_path under which it is created: the schema of the tables, then pg_temp.
_SET_SEARCH_PATH = """
SELECT set_config('search_path', relnamespace::regnamespace || ', pg_temp', true)
FROM pg_class WHERE oid = 'market_bars_ohlcv_1m'::regclass
"""
_OWNER = """
SELECT relowner::regrole::text FROM pg_class
WHERE oid = 'market_bars_ohlcv_1m'::regclass AND relowner <> current_user::regrole
"""


def read_sql() -> dict[str, str]:
    """The text of each file by its name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.sql"))}


def install_functions() -> None:
    """In one transaction. Where nothing is missing and nothing differs, the result is the same as before.

    A function or trigger that differs is dropped first, with what depends on it. Then all are created or replaced. The
    role must own the tables; it need not be a superuser. Raises `MissingTables`.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        find_faulty(cursor)  # raises MissingTables before the table is used
        cursor.execute("SELECT current_setting('search_path')")
        (previous,) = cursor.fetchone()
        cursor.execute(_SET_SEARCH_PATH)
        _drop_faulty(cursor)
        for sql in read_sql().values():
            cursor.execute(sql)
        _give_to_owner(cursor)
        cursor.execute("SELECT set_config('search_path', %s, true)", [previous])


def _drop_faulty(cursor: CursorWrapper) -> None:
    for kind, name in find_faulty(cursor):
        if kind == "functions":
            cursor.execute(f"DROP ROUTINE IF EXISTS {name} CASCADE")
        else:
            table, _, trigger = name.partition(".")
            cursor.execute(f"DROP TRIGGER IF EXISTS {trigger} ON {table}")


def _give_to_owner(cursor: CursorWrapper) -> None:
    """A superuser, or a member of the role that owns the tables, has created functions of its own."""
    cursor.execute(_OWNER)
    if cursor.rowcount:
        (owner,) = cursor.fetchone()
        for (kind, name), found in find_faulty(cursor).items():
            if kind == "functions" and found == FOREIGN:
                cursor.execute(f"ALTER FUNCTION {name} OWNER TO {owner}")
