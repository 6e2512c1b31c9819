"""The partitions of the test database, which a test may have detached."""

from __future__ import annotations

from django.db import connection, transaction

from marketdata.migrations._partitions_0019 import ADD_YEARS

_LEFT = r"""
SELECT oid::regclass::text FROM pg_class
WHERE relname ~ '^market_bars_ohlcv_1m_\d{4}$' AND relkind = 'r' AND NOT relispartition
"""


def attach_all() -> None:
    """Give a table without bars and archived years all its partitions again, and drop tables that were detached."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_LEFT)
        for (table,) in cursor.fetchall():
            cursor.execute(f"DROP TABLE {table}")
        cursor.execute(ADD_YEARS)
