"""Copies of years, each in a transaction of its own: as a whole, or only what was written since.

A copy is what its partition will be: the same columns, constraints and indexes, rows sorted by symbol and time. Its
CHECK constraint on ts lets ATTACH PARTITION trust it without reading it.
"""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from django.db import Error, connection, transaction
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from ingestion.archive.partitioning.state import Copy, find_changes, set_search_path, store_copy
from ingestion.archive.partitioning.table import BARS, TableLayout
from ingestion.database import prepare_transaction
from ingestion.errors import InputError
from marketdata.command_line import manage
from marketdata.partitions.years import partition_name, year_bounds

RANGE_CONSTRAINT = "partitioning_range"

# LOCK comes before the snapshot: TRUNCATE would empty the table also for an earlier one.
_BEGIN = """
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ;
LOCK TABLE market_bars_ohlcv_1m, market_bars_ohlcv_1h IN ACCESS SHARE MODE
"""
_SNAPSHOT = "SELECT pg_current_snapshot()::text"
_SORT_MEMORY = "SET LOCAL work_mem = '128MB'; SET LOCAL maintenance_work_mem = '256MB'"
_CREATE = """
CREATE TABLE {copy} (
    LIKE {bars} INCLUDING ALL EXCLUDING INDEXES, CONSTRAINT {constraint} CHECK (ts >= {first} AND ts < {stop})
) {storage}
"""
_FILL = """
INSERT INTO {copy} ({columns})
SELECT {columns} FROM {bars} WHERE ts >= {first} AND ts < {stop} ORDER BY symbol, ts
"""
_GUARD = """
CREATE TRIGGER partition_guard BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {copy}
    FOR EACH STATEMENT EXECUTE FUNCTION market_bars_guard_partition()
"""
_ROLLUP_COUNT = """
SELECT coalesce(sum(bar_count), 0)::bigint FROM market_bars_ohlcv_1h WHERE hour >= %s AND hour < %s
"""
_MAX_DAYS = timedelta(days=31)  # of changes: a copy is made again for more, so that it has no room of deleted rows


def copy_year(layout: TableLayout, year: int) -> Copy:
    """Copy a year, in place of an earlier copy. Readers and writers of the table go on.

    Raises `InputError` where the number of bars differs from that of the hourly rollup.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        copy = fill_copy(cursor, layout, year, _begin(cursor, layout))
    # The first readers then need not mark each row as committed. A time limit of the role may end it.
    with contextlib.suppress(Error), connection.cursor() as cursor:
        cursor.execute(sql.SQL("VACUUM (ANALYZE) {}").format(_name(layout, year)))
    return copy


def catch_up(layout: TableLayout, copy: Copy) -> Copy | None:
    """Copy what was written since. Returns None where that is so much that the year is better copied again."""
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        snapshot = _begin(cursor, layout)
        changes = find_changes(cursor, copy)
        if measure_changes(changes) > _MAX_DAYS:
            return None
        return replace_changes(cursor, layout, copy, changes, snapshot)


def measure_changes(changes: list[tuple[datetime, datetime]]) -> timedelta:
    """The time that the ranges have together."""
    return sum((stop - start for start, stop in changes), timedelta())


def replace_changes(
    cursor: CursorWrapper, layout: TableLayout, copy: Copy, changes: list[tuple[datetime, datetime]], snapshot: str
) -> Copy:
    """Copy these ranges of a year again, and compare the count. `snapshot`: that of the transaction."""
    name, count = _name(layout, copy.year), copy.bar_count
    cursor.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER partition_guard").format(name))
    for start, stop in changes:
        values = {"copy": name, "bars": BARS, "first": sql.Literal(start), "stop": sql.Literal(stop)}
        cursor.execute(sql.SQL("DELETE FROM {copy} WHERE ts >= {first} AND ts < {stop}").format(**values))
        count -= cursor.rowcount
        cursor.execute(sql.SQL(_FILL).format(columns=_columns(layout), **values))
        count += cursor.rowcount
    cursor.execute(sql.SQL("ALTER TABLE {} ENABLE TRIGGER partition_guard").format(name))
    changed = Copy(copy.year, count, snapshot)
    _compare_with_rollup(cursor, changed)
    store_copy(cursor, changed)
    return changed


def fill_copy(cursor: CursorWrapper, layout: TableLayout, year: int, snapshot: str) -> Copy:
    """Copy a year within a transaction, and compare the count. `snapshot`: that of the transaction."""
    cursor.execute(_SORT_MEMORY)
    copy = Copy(year, _fill(cursor, layout, year), snapshot)
    _compare_with_rollup(cursor, copy)
    store_copy(cursor, copy)
    return copy


def _begin(cursor: CursorWrapper, layout: TableLayout) -> str:
    cursor.execute(_BEGIN)
    prepare_transaction(cursor)
    set_search_path(cursor, layout)
    cursor.execute(_SNAPSHOT)
    snapshot: str = cursor.fetchone()[0]
    return snapshot


def _fill(cursor: CursorWrapper, layout: TableLayout, year: int) -> int:
    """Returns the number of bars. Indexes are made afterwards, which takes less time than to fill them row by row."""
    first, stop = map(sql.Literal, year_bounds(year))
    copy = sql.Identifier(partition_name(year))
    values = {"copy": copy, "bars": BARS, "first": first, "stop": stop}
    cursor.execute(sql.SQL("DROP TABLE IF EXISTS {copy}").format(copy=copy))
    create = sql.SQL(_CREATE).format(constraint=sql.Identifier(RANGE_CONSTRAINT), storage=layout.storage, **values)
    cursor.execute(create)
    cursor.execute(sql.SQL(_FILL).format(columns=_columns(layout), **values))
    count: int = cursor.rowcount
    for index in layout.indexes:
        if index.key:
            cursor.execute(sql.SQL("ALTER TABLE {} ADD {}").format(copy, sql.SQL(index.key)))
        else:
            cursor.execute(sql.SQL("CREATE INDEX ON {} {}").format(copy, sql.SQL(index.method)))
    cursor.execute(sql.SQL(_GUARD).format(copy=copy))
    cursor.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(copy, sql.SQL(layout.owner)))
    return count


def _compare_with_rollup(cursor: CursorWrapper, copy: Copy) -> None:
    cursor.execute(_ROLLUP_COUNT, year_bounds(copy.year))
    (expected,) = cursor.fetchone()
    if copy.bar_count != expected:
        raise InputError(
            f"The table has {copy.bar_count:,} bars of {copy.year}, and the hourly rollup counts {expected:,}: run "
            f"`{manage()} verify_candles --repair`, then this command again."
        )


def _columns(layout: TableLayout) -> sql.Composable:
    return sql.SQL(", ").join(map(sql.Identifier, layout.columns))


def _name(layout: TableLayout, year: int) -> sql.Composable:
    return sql.SQL("{}.{}").format(sql.SQL(layout.schema), sql.Identifier(partition_name(year)))
