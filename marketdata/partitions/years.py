"""The partitions of the table of bars: one for each year by ts in UTC."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db.backends.utils import CursorWrapper

TABLE = "market_bars_ohlcv_1m"
FILLFACTOR = 90  # a tenth of each page stays free for corrections; market_bars_add_partitions has the same number

_IS_PARTITIONED = """
SELECT count(*) > 0 FROM pg_class WHERE oid = 'market_bars_ohlcv_1m'::regclass AND relkind = 'p'
"""
_YEARS = """
SELECT right(relid::regclass::text, 4)::int FROM pg_partition_tree('market_bars_ohlcv_1m') WHERE isleaf AND level = 1
ORDER BY 1
"""


def partition_name(year: int) -> str:
    """The table that has the bars of a year, as a partition or detached."""
    return f"{TABLE}_{year}"


def year_bounds(year: int) -> tuple[datetime, datetime]:
    """The first time of a year, and that of the next, UTC."""
    return datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)


def is_partitioned(cursor: CursorWrapper) -> bool:
    """False for a table that had bars before this release, until `manage.py partition_bars`."""
    cursor.execute(_IS_PARTITIONED)
    partitioned: bool = cursor.fetchone()[0]
    return partitioned


def list_partitions(cursor: CursorWrapper) -> list[int]:
    """The years that have a partition, in order."""
    cursor.execute(_YEARS)
    return [year for (year,) in cursor.fetchall()]


def find_missing_partitions(cursor: CursorWrapper, years: Iterable[int]) -> list[int]:
    """The years that need a partition and have none; none while the table has no partitions."""
    cursor.execute("SELECT market_bars_missing_partitions(%s)", [list(years)])
    missing: list[int] = cursor.fetchone()[0]
    return missing


def add_partitions(cursor: CursorWrapper, years: Iterable[int]) -> None:
    """Make the partitions that are missing. Readers and writers are not blocked.

    The locks last until the transaction ends. A database error names a year that is archived.
    """
    cursor.execute("SELECT market_bars_add_partitions(%s)", [list(years)])
