"""The whole table of bars: what the partitioned one gets from it, and what it would lose."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from ingestion.errors import InputError
from marketdata.formatting import format_list
from marketdata.partitions.archived import list_archived
from marketdata.partitions.years import FILLFACTOR

BARS = sql.Identifier("market_bars_ohlcv_1m")
CAPTURE_TRIGGERS = (
    "partitioning_on_insert",
    "partitioning_on_update",
    "partitioning_on_delete",
    "partitioning_on_truncate",
)
# Those of marketdata/sql/, which a whole table has too.
TRIGGERS = (
    "bars_rollup_on_insert",
    "bars_rollup_on_update",
    "bars_rollup_on_delete",
    "bars_rollup_on_truncate",
    "bars_run_exists_on_update",
    "bars_allow_truncate",
)

_TABLE = """
SELECT relnamespace::regnamespace::text, relowner::regrole::text, spcname::text,
    pg_has_role(current_user, relowner, 'USAGE'), has_schema_privilege(relnamespace, 'CREATE'),
    coalesce(array_to_string(ARRAY(
        SELECT option FROM unnest(reloptions) AS option WHERE option NOT LIKE 'fillfactor=%'
    ), ', '), '')
FROM pg_class LEFT JOIN pg_tablespace ON pg_tablespace.oid = reltablespace
WHERE pg_class.oid = 'market_bars_ohlcv_1m'::regclass
"""
_COLUMNS = """
SELECT attname::text FROM pg_attribute
WHERE attrelid = 'market_bars_ohlcv_1m'::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''
ORDER BY attnum
"""
_INDEXES = """
SELECT relname::text, substring(pg_get_indexdef(indexrelid) FROM ' (USING .*)$'),
    pg_get_constraintdef(pg_constraint.oid), obj_description(indexrelid, 'pg_class')
FROM pg_index
JOIN pg_class ON pg_class.oid = indexrelid
LEFT JOIN pg_constraint ON conindid = indexrelid AND contype = 'p' AND conrelid = indrelid
WHERE indrelid = 'market_bars_ohlcv_1m'::regclass
ORDER BY contype NULLS LAST, relname
"""
# All that depends on the table, except for what the new table gets too. DROP TABLE would remove it, or be refused.
_LOSSES = """
WITH bars AS (
    SELECT pg_class.oid, reltype, typarray, relrowsecurity
    FROM pg_class JOIN pg_type ON pg_type.oid = reltype
    WHERE pg_class.oid = 'market_bars_ohlcv_1m'::regclass
)
SELECT DISTINCT regexp_replace(pg_describe_object(classid, objid, 0), '^rule _RETURN on ', '')
FROM bars
JOIN pg_depend ON deptype <> 'i' AND (
    refclassid = 'pg_class'::regclass AND refobjid = bars.oid
    OR refclassid = 'pg_type'::regclass AND refobjid IN (reltype, typarray)
)
LEFT JOIN pg_constraint ON classid = 'pg_constraint'::regclass AND pg_constraint.oid = objid
LEFT JOIN pg_index ON classid = 'pg_class'::regclass AND indexrelid = objid
LEFT JOIN pg_trigger ON classid = 'pg_trigger'::regclass AND pg_trigger.oid = objid
WHERE NOT (
    classid IN ('pg_attrdef'::regclass, 'pg_statistic_ext'::regclass)
    OR coalesce(conrelid = bars.oid AND contype IN ('c', 'n', 'p'), false)
    OR coalesce(indrelid = bars.oid AND (indisprimary OR NOT indisunique AND NOT indisexclusion), false)
    OR coalesce(tgrelid = bars.oid AND (tgisinternal OR tgname = ANY (%s)), false)
)
UNION ALL
SELECT 'inheritance from ' || inhparent::regclass FROM pg_inherits, bars WHERE inhrelid = bars.oid
UNION ALL
SELECT 'row-level security' FROM bars WHERE relrowsecurity
ORDER BY 1
"""


@dataclass(frozen=True)
class Index:
    """`method`: from USING on. `key`: PRIMARY KEY (…) of the primary key, else None."""

    name: str
    method: str
    key: str | None
    comment: str | None


@dataclass(frozen=True)
class TableLayout:
    """What LIKE does not copy, or copies at the wrong time. `options`: storage parameters beside fillfactor."""

    schema: str
    owner: str
    tablespace: str | None
    options: str
    columns: tuple[str, ...]
    indexes: tuple[Index, ...]

    @property
    def storage(self) -> sql.Composable:
        """The end of a CREATE TABLE of a partition."""
        options = sql.SQL(f", {self.options}" if self.options else "")
        return sql.SQL("WITH (fillfactor = {}{}) {}").format(sql.Literal(FILLFACTOR), options, self.place)

    @property
    def place(self) -> sql.Composable:
        if self.tablespace is None:
            return sql.SQL("")
        return sql.SQL("TABLESPACE {}").format(sql.Identifier(self.tablespace))


def read_layout(cursor: CursorWrapper) -> TableLayout:
    """Read the catalog. Raises `InputError` for a role that may not replace the table."""
    cursor.execute(_TABLE)
    schema, owner, tablespace, owns, may_create, options = cursor.fetchone()
    if not owns:
        raise InputError(
            f"The table market_bars_ohlcv_1m belongs to the role {owner}, and only its owner can partition it: set "
            "DATABASE_URL to that role."
        )
    if not may_create:
        raise InputError(
            f"The role of DATABASE_URL may not create tables in the schema {schema}: grant it CREATE on that schema."
        )
    cursor.execute(_COLUMNS)
    columns = tuple(name for (name,) in cursor.fetchall())
    cursor.execute(_INDEXES)
    return TableLayout(schema, owner, tablespace, options, columns, tuple(Index(*row) for row in cursor.fetchall()))


def refuse_losses(cursor: CursorWrapper) -> None:
    """Raise `InputError` if something depends on the table that the partitioned one would not have."""
    cursor.execute(_LOSSES, [[*TRIGGERS, *CAPTURE_TRIGGERS]])
    losses = [name for (name,) in cursor.fetchall()]
    if losses:
        raise InputError(
            f"The partitioned table would lose what depends on market_bars_ohlcv_1m: {format_list(losses)}. "
            "Drop it, run the command again, and create it again afterwards."
        )
    if archived := list_archived():
        raise InputError(
            f"The bars of {archived[0].year} are archived although the table has no partitions: remove its row from "
            "market_archived_years if the table has them."
        )
