"""The end: one transaction puts the copies, as partitions, in place of the table.

Writers wait from its start on. Readers wait only for its last statements, some hundredths of a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from ingestion.archive.partitioning.copies import RANGE_CONSTRAINT, fill_copy, measure_changes, replace_changes
from ingestion.archive.partitioning.locks import EarlierSnapshot, lock_readers_out, refuse_earlier_snapshots
from ingestion.archive.partitioning.plan import refuse_other_count
from ingestion.archive.partitioning.state import (
    REMOVE_RECORDS,
    find_changed_years,
    find_changes,
    is_valid,
    read_copies,
    set_search_path,
)
from ingestion.archive.partitioning.table import BARS, CAPTURE_TRIGGERS, TableLayout, refuse_losses
from ingestion.errors import DatabaseFailure
from marketdata.partitions.years import partition_name, year_bounds
from marketdata.sql.installed import find_differences

_PARENT = sql.Identifier("market_bars_partitioning_parent")

_CREATE = "CREATE TABLE {parent} (LIKE {bars} INCLUDING ALL EXCLUDING INDEXES) PARTITION BY RANGE (ts) {place}"
_ATTACH = """
SELECT market_bars_equip_partition({name}::regclass);
ALTER TABLE {parent} ATTACH PARTITION {copy} FOR VALUES FROM ({first}) TO ({stop});
ALTER TABLE {copy} DROP CONSTRAINT {constraint}
"""
# What the new table has by ALTER DEFAULT PRIVILEGES is removed, so that it has exactly what the old one has.
_PRIVILEGES = """
WITH tables AS (
    SELECT coalesce(relacl, acldefault('r', relowner)) AS privileges, oid
    FROM pg_class WHERE oid IN ('market_bars_ohlcv_1m'::regclass, %(parent)s::regclass)
)
SELECT statement
FROM (
    SELECT 1 AS step, format(
        'REVOKE ALL ON %%s FROM %%s', %(parent)s, CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END
    ) AS statement
    FROM tables, aclexplode(privileges) WHERE oid = %(parent)s::regclass
    UNION
    SELECT 2, format(
        'GRANT %%s ON %%s TO %%s%%s', privilege_type, %(parent)s,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    )
    FROM tables, aclexplode(privileges) WHERE oid = 'market_bars_ohlcv_1m'::regclass
    UNION
    SELECT 2, format(
        'GRANT %%s (%%I) ON %%s TO %%s%%s', privilege_type, attname, %(parent)s,
        CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::regrole::text END,
        CASE WHEN is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
    )
    FROM pg_attribute, aclexplode(attacl) WHERE attrelid = 'market_bars_ohlcv_1m'::regclass AND NOT attisdropped
) AS statements
ORDER BY step, statement
"""
_TRIGGERS = """
SELECT pg_get_triggerdef(oid), tgname::text, tgenabled = 'A'
FROM pg_trigger
WHERE tgrelid = 'market_bars_ohlcv_1m'::regclass AND NOT tgisinternal AND tgname <> ALL (%s)
ORDER BY tgname
"""
_COMMENT = "SELECT obj_description('market_bars_ohlcv_1m'::regclass, 'pg_class')"
_SNAPSHOT = "SELECT pg_current_snapshot()::text"


class ManyChanges(Exception):
    """What was written since the last copies is better copied before writers wait."""


@dataclass(frozen=True)
class Replaced:
    """The partitions of the new table, and the number of its bars."""

    years: tuple[int, ...]
    bar_count: int


def replace_table(cursor: CursorWrapper, layout: TableLayout, *, max_changes: timedelta | None) -> Replaced:
    """Replace the table by its copies. `run_locked` calls it, in EXCLUSIVE mode.

    Raises `ManyChanges` if more than `max_changes` are to be copied, or some while other sessions must end;
    `IngestError` if the table is not what it was at the start; and what `lock_readers_out` and
    `refuse_earlier_snapshots` raise. Then nothing is changed.
    """
    set_search_path(cursor, layout)
    refuse_losses(cursor)
    if not is_valid(cursor):
        raise DatabaseFailure("The table of bars was altered meanwhile: run the command again, which copies it again.")
    has_changes = _catch_up(cursor, layout, max_changes)
    copies = read_copies(cursor)
    count = sum(copy.bar_count for copy in copies)
    refuse_other_count(cursor, count)
    _create_parent(cursor, layout)
    for copy in copies:
        _attach(cursor, copy.year)
    cursor.execute(_TRIGGERS, [list(CAPTURE_TRIGGERS)])
    triggers = cursor.fetchall()
    lock_readers_out(cursor)
    try:
        refuse_earlier_snapshots(cursor)
    except EarlierSnapshot as error:
        if has_changes and max_changes is not None:
            raise ManyChanges from error  # copied before, they are older than most snapshots
        raise
    cursor.execute(sql.SQL("DROP TABLE {}").format(BARS))
    _give_name(cursor, layout)
    for definition, trigger, is_always in triggers:
        cursor.execute(definition)
        if is_always:
            name = sql.Identifier(trigger)
            cursor.execute(sql.SQL("ALTER TABLE {} ENABLE ALWAYS TRIGGER {}").format(BARS, name))
    cursor.execute(REMOVE_RECORDS)
    if differences := find_differences(cursor):
        raise DatabaseFailure(f"The partitioned table would differ from a new one ({differences[0]}): report this.")
    return Replaced(tuple(copy.year for copy in copies), count)


def _catch_up(cursor: CursorWrapper, layout: TableLayout, max_changes: timedelta | None) -> bool:
    """No other session writes any more, so the copies are complete afterwards. Returns whether they were not."""
    copies = read_copies(cursor)
    changes = {copy: found for copy in copies if (found := find_changes(cursor, copy))}
    new = sorted(find_changed_years(cursor) - {copy.year for copy in copies})
    total = sum(map(measure_changes, changes.values()), timedelta())
    if max_changes is not None and (new or total > max_changes):
        raise ManyChanges
    cursor.execute(_SNAPSHOT)
    (snapshot,) = cursor.fetchone()
    for copy, found in changes.items():
        replace_changes(cursor, layout, copy, found, snapshot)
    for year in new:
        fill_copy(cursor, layout, year, snapshot)
    return bool(changes or new)


def _create_parent(cursor: CursorWrapper, layout: TableLayout) -> None:
    create = sql.SQL(_CREATE).format(parent=_PARENT, bars=BARS, place=layout.place)
    cursor.execute(create)
    for number, index in enumerate(layout.indexes):
        name = _index_name(number)
        if index.key:
            cursor.execute(sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(_PARENT, name, sql.SQL(index.key)))
        else:
            cursor.execute(sql.SQL("CREATE INDEX {} ON {} {}").format(name, _PARENT, sql.SQL(index.method)))
        if index.comment:
            cursor.execute(sql.SQL("COMMENT ON INDEX {} IS {}").format(name, sql.Literal(index.comment)))
    cursor.execute(_COMMENT)
    if comment := cursor.fetchone()[0]:
        cursor.execute(sql.SQL("COMMENT ON TABLE {} IS {}").format(_PARENT, sql.Literal(comment)))
    cursor.execute(sql.SQL("ALTER TABLE {} OWNER TO {}").format(_PARENT, sql.SQL(layout.owner)))
    cursor.execute(_PRIVILEGES, {"parent": "market_bars_partitioning_parent"})
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)


def _attach(cursor: CursorWrapper, year: int) -> None:
    first, stop = map(sql.Literal, year_bounds(year))
    copy = sql.Identifier(partition_name(year))
    constraint = sql.Identifier(RANGE_CONSTRAINT)
    attach = sql.SQL(_ATTACH).format(
        name=sql.Literal(partition_name(year)),
        parent=_PARENT, copy=copy, first=first, stop=stop, constraint=constraint,
    )  # fmt: skip
    cursor.execute(attach)


def _give_name(cursor: CursorWrapper, layout: TableLayout) -> None:
    cursor.execute(sql.SQL("ALTER TABLE {} RENAME TO {}").format(_PARENT, BARS))
    for number, index in enumerate(layout.indexes):
        rename = sql.SQL("ALTER INDEX {} RENAME TO {}").format(_index_name(number), sql.Identifier(index.name))
        cursor.execute(rename)


def _index_name(number: int) -> sql.Identifier:
    return sql.Identifier(f"market_bars_partitioning_index_{number}")


def analyze_table() -> None:
    """Statistics of the partitioned table as a whole; its partitions have theirs."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("ANALYZE {}").format(BARS))
