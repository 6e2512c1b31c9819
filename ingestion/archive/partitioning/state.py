"""What is copied so far, and what was written to the table since: two tables and four triggers, until the end.

`market_bars_partitioning` has a row for each copied year, with the snapshot of its copy. The triggers record the times
that each statement writes, and its transaction, in `market_bars_partitioning_changes`. A change that is not visible in
a copy's snapshot is lacking from the copy: this is exact, also for transactions that are open for long, and writers
wait for nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg2 import sql

from ingestion.archive.partitioning.locks import lock_readers_out, run_locked
from ingestion.archive.partitioning.table import CAPTURE_TRIGGERS, TableLayout
from ingestion.errors import InputError
from ingestion.progress import Progress
from marketdata.formatting import format_list
from marketdata.partitions.years import partition_name, year_bounds

# Transaction numbers and snapshots mean nothing in another server, to which pg_dump may have brought these tables. A
# table with another definition needs other copies.
_SOURCE = """
SELECT concat_ws(' ', system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()),
    'market_bars_ohlcv_1m'::regclass::oid, md5(concat(
        (
            SELECT string_agg(concat_ws(' ', attname, atttypid, atttypmod, attcollation), ',' ORDER BY attnum)
            FROM pg_attribute
            WHERE attrelid = 'market_bars_ohlcv_1m'::regclass AND attnum > 0 AND NOT attisdropped
        ),
        (
            SELECT string_agg(concat(conname, pg_get_constraintdef(oid)), ',' ORDER BY conname)
            FROM pg_constraint WHERE conrelid = 'market_bars_ohlcv_1m'::regclass
        ),
        (
            SELECT string_agg(pg_get_indexdef(indexrelid), ',' ORDER BY indexrelid)
            FROM pg_index WHERE indrelid = 'market_bars_ohlcv_1m'::regclass
        )
    )))
FROM pg_control_system()
"""
# ENABLE ALWAYS: also for a session that applies changes of another server (session_replication_role = replica).
_IS_VALID = """
SELECT obj_description(to_regclass('market_bars_partitioning'), 'pg_class') = %s
    AND to_regclass('market_bars_partitioning_changes') IS NOT NULL
    AND (
        SELECT count(*) FROM pg_trigger
        WHERE tgrelid = 'market_bars_ohlcv_1m'::regclass AND tgname = ANY (%s) AND tgenabled = 'A'
    ) = cardinality(%s)
"""
_EXISTS = """
SELECT to_regclass('market_bars_partitioning') IS NOT NULL
    OR to_regclass('market_bars_partitioning_changes') IS NOT NULL
    OR EXISTS (
        SELECT 1 FROM pg_trigger WHERE tgrelid = 'market_bars_ohlcv_1m'::regclass AND tgname = ANY (%s)
    )
"""
# A year is grouped by pieces of 31 days, so that one statement for two years does not concern those between.
_CREATE = """
CREATE TABLE market_bars_partitioning (
    year int PRIMARY KEY, bar_count bigint NOT NULL, snapshot pg_snapshot NOT NULL
);
CREATE TABLE market_bars_partitioning_changes (
    first_ts timestamptz NOT NULL, last_ts timestamptz NOT NULL, xid xid8 NOT NULL
);
CREATE FUNCTION market_bars_partitioning_record() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
SET search_path FROM CURRENT SET jit = 'off' SET enable_sort = 'off' AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO market_bars_partitioning_changes
        SELECT min(ts), max(ts), pg_current_xact_id() FROM new_rows GROUP BY ts_ms / 2678400000;
    ELSIF TG_OP = 'DELETE' THEN
        INSERT INTO market_bars_partitioning_changes
        SELECT min(ts), max(ts), pg_current_xact_id() FROM old_rows GROUP BY ts_ms / 2678400000;
    ELSIF TG_OP = 'UPDATE' THEN
        INSERT INTO market_bars_partitioning_changes
        SELECT min(ts), max(ts), pg_current_xact_id()
        FROM (SELECT ts, ts_ms FROM old_rows UNION ALL SELECT ts, ts_ms FROM new_rows) AS changed
        GROUP BY ts_ms / 2678400000;
    ELSE
        INSERT INTO market_bars_partitioning_changes VALUES ('-infinity', 'infinity', pg_current_xact_id());
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER partitioning_on_insert AFTER INSERT ON market_bars_ohlcv_1m
    REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION market_bars_partitioning_record();
CREATE TRIGGER partitioning_on_update AFTER UPDATE ON market_bars_ohlcv_1m
    REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
    FOR EACH STATEMENT EXECUTE FUNCTION market_bars_partitioning_record();
CREATE TRIGGER partitioning_on_delete AFTER DELETE ON market_bars_ohlcv_1m
    REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION market_bars_partitioning_record();
CREATE TRIGGER partitioning_on_truncate AFTER TRUNCATE ON market_bars_ohlcv_1m
    FOR EACH STATEMENT EXECUTE FUNCTION market_bars_partitioning_record();
"""
_ALWAYS = "ALTER TABLE market_bars_ohlcv_1m ENABLE ALWAYS TRIGGER {}"
_OWNER = """
ALTER TABLE market_bars_partitioning OWNER TO {owner};
ALTER TABLE market_bars_partitioning_changes OWNER TO {owner};
ALTER FUNCTION market_bars_partitioning_record() OWNER TO {owner};
COMMENT ON TABLE market_bars_partitioning IS {source}
"""
REMOVE_RECORDS = """
DROP FUNCTION IF EXISTS market_bars_partitioning_record() CASCADE;
DROP TABLE IF EXISTS market_bars_partitioning, market_bars_partitioning_changes
"""
_COPIES = """
SELECT year, bar_count, snapshot::text FROM market_bars_partitioning
WHERE to_regclass('market_bars_ohlcv_1m_' || year) IS NOT NULL
ORDER BY year
"""
_STORE = """
INSERT INTO market_bars_partitioning VALUES (%s, %s, %s)
ON CONFLICT (year) DO UPDATE SET bar_count = excluded.bar_count, snapshot = excluded.snapshot
"""
_CHANGED = """
SELECT lower(range), upper(range)
FROM (
    SELECT range_agg(tstzrange(first_ts, last_ts + interval '1 minute')) AS ranges
    FROM market_bars_partitioning_changes
    WHERE first_ts < %(stop)s AND last_ts >= %(first)s AND NOT pg_visible_in_snapshot(xid, %(snapshot)s::pg_snapshot)
) AS changed, unnest(ranges * tstzmultirange(tstzrange(%(first)s, %(stop)s))) AS range
"""
_CHANGED_YEARS = """
SELECT DISTINCT extract(year FROM ts AT TIME ZONE 'UTC')::int
FROM market_bars_partitioning_changes, unnest(ARRAY[first_ts, last_ts]) AS ts WHERE isfinite(ts)
"""
_IN_USE = """
SELECT name FROM unnest(%s::text[]) WITH ORDINALITY AS wanted (name, number)
WHERE to_regclass(name) IS NOT NULL ORDER BY number
"""


@dataclass(frozen=True)
class Copy:
    """A copied year. `snapshot`: what was committed when it was copied, as PostgreSQL's pg_snapshot."""

    year: int
    bar_count: int
    snapshot: str


def set_search_path(cursor: CursorWrapper, layout: TableLayout) -> None:
    """For this transaction. Tables are created, and functions are bound, in the schema of the table of bars."""
    cursor.execute("SELECT set_config('search_path', %s, true)", [f"{layout.schema}, pg_temp"])
    cursor.execute("SET LOCAL timezone = 'UTC'")


def prepare_state(layout: TableLayout, progress: Progress) -> None:
    """Create the tables and triggers, unless an earlier call left valid ones. Waits for the loads that run.

    From here on every change of the table is recorded.
    """
    progress.step("Recording changes")
    with connection.cursor() as cursor:
        valid = is_valid(cursor)
    if not valid:
        remove_state(layout, progress)
        run_locked(lambda cursor: _create(cursor, layout), mode="SHARE ROW EXCLUSIVE", progress=progress)


def remove_state(layout: TableLayout, progress: Progress) -> bool:
    """Drop copies, tables and triggers. Returns whether there were any. Needs a moment without readers."""
    with connection.cursor() as cursor:
        cursor.execute(_EXISTS, [list(CAPTURE_TRIGGERS)])
        if not cursor.fetchone()[0]:
            return False

    def remove(cursor: CursorWrapper) -> None:
        set_search_path(cursor, layout)
        lock_readers_out(cursor)
        for copy in read_copies(cursor):
            cursor.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(partition_name(copy.year))))
        cursor.execute(REMOVE_RECORDS)

    run_locked(remove, mode="EXCLUSIVE", progress=progress)
    return True


def read_copies(cursor: CursorWrapper) -> list[Copy]:
    """The copied years, in order; none before `prepare_state`."""
    cursor.execute("SELECT to_regclass('market_bars_partitioning') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return []
    cursor.execute(_COPIES)
    return [Copy(*row) for row in cursor.fetchall()]


def is_valid(cursor: CursorWrapper) -> bool:
    """Whether the copies of an earlier call can be used: made from this table, whose triggers are in place."""
    cursor.execute(_SOURCE)
    (source,) = cursor.fetchone()
    cursor.execute(_IS_VALID, [source, list(CAPTURE_TRIGGERS), list(CAPTURE_TRIGGERS)])
    return bool(cursor.fetchone()[0])


def store_copy(cursor: CursorWrapper, copy: Copy) -> None:
    """Record a copied year, in the transaction of its copy."""
    cursor.execute(_STORE, [copy.year, copy.bar_count, copy.snapshot])


def find_changes(cursor: CursorWrapper, copy: Copy) -> list[tuple[datetime, datetime]]:
    """The ranges [start, end) of the year, UTC, in which bars were written that the copy may lack."""
    first, stop = year_bounds(copy.year)
    cursor.execute(_CHANGED, {"first": first, "stop": stop, "snapshot": copy.snapshot})
    return list(cursor.fetchall())


def find_changed_years(cursor: CursorWrapper) -> set[int]:
    """The years in which bars were written since `prepare_state`; none before it."""
    cursor.execute("SELECT to_regclass('market_bars_partitioning_changes') IS NOT NULL")
    if not cursor.fetchone()[0]:
        return set()
    cursor.execute(_CHANGED_YEARS)
    return {year for (year,) in cursor.fetchall()}


def refuse_other_tables(cursor: CursorWrapper, years: Iterable[int]) -> None:
    """Raise `InputError` if tables have the names of the partitions of these years, and are no copies."""
    cursor.execute(_IN_USE, [[partition_name(year) for year in years]])
    if used := [name for (name,) in cursor.fetchall()]:
        raise InputError(
            f"The names of partitions are used by other tables ({format_list(used)}): rename or drop them first."
        )


def _create(cursor: CursorWrapper, layout: TableLayout) -> None:
    cursor.execute(_SOURCE)
    (source,) = cursor.fetchone()
    set_search_path(cursor, layout)
    cursor.execute(_CREATE)
    for trigger in CAPTURE_TRIGGERS:
        cursor.execute(sql.SQL(_ALWAYS).format(sql.Identifier(trigger)))
    owner = sql.SQL(layout.owner)
    cursor.execute(sql.SQL(_OWNER).format(owner=owner, source=sql.Literal(source)))
