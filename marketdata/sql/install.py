"""Creates or replaces every database function and trigger, as the files of this folder define them."""

from __future__ import annotations

from pathlib import Path

from django.db import connection, transaction

# A function keeps the search_path under which it is created: the schema of the tables, then pg_temp.
_SET_SEARCH_PATH = """
SELECT set_config('search_path', relnamespace::regnamespace || ', pg_temp', true)
FROM pg_class WHERE oid = 'market_bars_ohlcv_1m'::regclass
"""


def read_sql() -> dict[str, str]:
    """The text of each file by its name."""
    return {path.name: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.sql"))}


def install_functions() -> None:
    """In one transaction. Where nothing is missing and nothing differs, the result is the same as before.

    A trigger that exists is replaced and enabled. The role must own the tables; it need not be a superuser.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('search_path')")
        (previous,) = cursor.fetchone()
        cursor.execute(_SET_SEARCH_PATH)
        for sql in read_sql().values():
            cursor.execute(sql)
        cursor.execute("SELECT set_config('search_path', %s, true)", [previous])
