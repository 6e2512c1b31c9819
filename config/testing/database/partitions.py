"""The partitions of the test database, which a test may have detached."""

from __future__ import annotations

from django.db import connection, transaction

_LEFT = r"""
SELECT oid::regclass::text FROM pg_class
WHERE relname ~ '^market_bars_ohlcv_1m_\d{4}$' AND relkind = 'r' AND NOT relispartition
"""
_ADD = """
SELECT market_bars_add_partitions(
    ARRAY(SELECT generate_series(2010, extract(year FROM now() AT TIME ZONE 'UTC')::int + 1))
)
"""


def attach_all() -> None:
    """Give a table without bars and archived years all its partitions again, and drop tables that were detached."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LEFT)
        for (table,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {table}")
        cursor.execute(_ADD)
