"""SQL of the commands that move a year between the table and the lake."""

from __future__ import annotations

from datetime import datetime

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from marketdata.partitions.years import FILLFACTOR, partition_name, year_bounds

_PARTITION = """
SELECT relispartition FROM pg_class WHERE oid = to_regclass(%s) AND relkind IN ('r', 'p')
"""
# Every version of a row has the number of the transaction that wrote it. So a bar that was written, changed or deleted
# since gives another text. Few transactions write a year, and reading no column takes a fifth of a second per million.
_FINGERPRINT = sql.SQL("""
SELECT coalesce(string_agg(concat_ws(':', writer, count), ',' ORDER BY writer), '')
FROM (SELECT xmin::text AS writer, count FROM (SELECT xmin, count(*) AS count FROM {table} GROUP BY xmin) AS found)
    AS writers
""")
# No program can write a bar while these locks last; reading goes on. A program may have copied into the partition.
_KEEP_WRITERS_OUT = sql.SQL("LOCK TABLE ONLY market_bars_ohlcv_1m, {table} IN SHARE MODE")
_DETACH = sql.SQL("ALTER TABLE market_bars_ohlcv_1m DETACH PARTITION {table}")
_LOCK = sql.SQL("LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
_DROP = sql.SQL("DROP TABLE {table}")
_RECORD = """
INSERT INTO market_archived_years (year, lake, lake_as_of, bar_count, archived_at)
VALUES (%(year)s, %(lake)s, %(lake_as_of)s, %(bar_count)s, clock_timestamp())
"""
_MOVE_RECORD = "UPDATE market_archived_years SET lake = %(lake)s, lake_as_of = %(lake_as_of)s WHERE year = %(year)s"
_RECORD_DROP = "UPDATE market_archived_years SET dropped_at = clock_timestamp() WHERE year = %s"
_FORGET = "DELETE FROM market_archived_years WHERE year = %s"
_IDENTIFIER = "SELECT identifier::text FROM feed_store"

# The same columns, constraints and indexes as a partition, and its owner. Its triggers follow when the bars are in it.
_CREATE = sql.SQL("CREATE TABLE {table} (LIKE market_bars_ohlcv_1m INCLUDING ALL) WITH (fillfactor = {fillfactor})")
_OWNER = "SELECT relowner::regrole::text FROM pg_class WHERE oid = %s::regclass AND relowner <> current_user::regrole"
_SET_OWNER = sql.SQL("ALTER TABLE {table} OWNER TO {owner}")
_EQUIP = "SELECT market_bars_equip_partition(%s::regclass)"
# With this constraint, ATTACH reads no bar while it has its lock.
_CHECK = sql.SQL("""
ALTER TABLE {table} DROP CONSTRAINT IF EXISTS bars_of_year;
ALTER TABLE {table} ADD CONSTRAINT bars_of_year CHECK (ts >= {start} AND ts < {end})
""")
_UNCHECK = sql.SQL("ALTER TABLE {table} DROP CONSTRAINT bars_of_year")
_ATTACH = sql.SQL("ALTER TABLE market_bars_ohlcv_1m ATTACH PARTITION {table} FOR VALUES FROM ({start}) TO ({end})")
_ANALYZE = sql.SQL("ANALYZE {table}")


def find_table(cursor: CursorWrapper, year: int) -> bool | None:
    """Whether the table of the year is a partition; None if there is no such table."""
    cursor.execute(_PARTITION, [partition_name(year)])
    row = cursor.fetchone()
    return None if row is None else bool(row[0])


def read_identifier(cursor: CursorWrapper) -> str | None:
    """The identifier of this database, which its lakes have."""
    cursor.execute(_IDENTIFIER)
    row = cursor.fetchone()
    return row[0] if row else None


def read_fingerprint(cursor: CursorWrapper, year: int) -> str:
    """A text that is equal as long as no bar of the year's table is written, changed or deleted."""
    cursor.execute(_fill(_FINGERPRINT, year))
    fingerprint: str = cursor.fetchone()[0]
    return fingerprint


def keep_writers_out(cursor: CursorWrapper, year: int) -> None:
    """Until the transaction ends, no program writes a bar."""
    cursor.execute(_fill(_KEEP_WRITERS_OUT, year))


def make_detach(year: int) -> sql.Composed:
    """The statement that detaches the year. It needs the table of bars for itself, for some milliseconds."""
    return _fill(_DETACH, year)


def record_archived(cursor: CursorWrapper, *, year: int, lake: str, lake_as_of: datetime, bar_count: int) -> None:
    """Insert the record of an archived year."""
    cursor.execute(_RECORD, {"year": year, "lake": lake, "lake_as_of": lake_as_of, "bar_count": bar_count})


def record_lake(cursor: CursorWrapper, *, year: int, lake: str, lake_as_of: datetime) -> None:
    """Record another lake that has the archived year."""
    cursor.execute(_MOVE_RECORD, {"year": year, "lake": lake, "lake_as_of": lake_as_of})


def lock_detached(cursor: CursorWrapper, year: int) -> None:
    """Keep others from the detached table of the year."""
    cursor.execute(_fill(_LOCK, year))


def drop_detached(cursor: CursorWrapper, year: int) -> None:
    """Drop the detached table of the year, and record it."""
    cursor.execute(_fill(_DROP, year))
    cursor.execute(_RECORD_DROP, [year])


def create_detached(cursor: CursorWrapper, year: int) -> None:
    """Make an empty table for the year, beside the table of bars."""
    cursor.execute(_fill(_CREATE, year))
    cursor.execute(_OWNER, ["market_bars_ohlcv_1m"])
    if row := cursor.fetchone():
        cursor.execute(_SET_OWNER.format(table=sql.Identifier(partition_name(year)), owner=sql.SQL(row[0])))


def prepare_attach(cursor: CursorWrapper, year: int) -> None:
    """Give the table of the year the triggers of a partition, and a proof of its times for `attach`."""
    cursor.execute(_EQUIP, [partition_name(year)])
    cursor.execute(_fill(_CHECK, year))
    cursor.execute(_fill(_ANALYZE, year))


def make_attach(year: int) -> sql.Composed:
    """The statement that attaches the year. Reading and loading go on."""
    return _fill(_ATTACH, year)


def finish_attach(cursor: CursorWrapper, year: int) -> None:
    """Remove what only ATTACH needed, and the record of the archived year."""
    cursor.execute(_fill(_UNCHECK, year))
    cursor.execute(_FORGET, [year])


def _fill(statement: sql.SQL, year: int) -> sql.Composed:
    start, end = (sql.Literal(f"{bound:%Y-%m-%d %H:%M}+00") for bound in year_bounds(year))
    return statement.format(
        table=sql.Identifier(partition_name(year)), start=start, end=end, fillfactor=sql.Literal(FILLFACTOR)
    )
