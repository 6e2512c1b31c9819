"""Empty the tables of the test database."""

from __future__ import annotations

import functools

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from config.testing.database.partitions import attach_all

_TABLES = (
    "market_bars_ohlcv_1m",
    "market_archived_years",
    "market_bar_revisions",
    "market_series_instruments",
    "data_ingest_runs",
    "django_tasks_database_dbtaskresult",
    "market_feed_requests",
    "market_backfills",
    "market_series_days",
    "market_known_empty",
    "market_vendor_days",
    "market_vendor_datasets",
    "market_feed_sessions",
    "market_feed_session_series",
    "market_feed_status",
    "market_quality_findings",
    "market_quality_events",
    "market_quality_checks",
    "market_quality_alerts",
    "market_quality_alert_events",
    "market_quality_deliveries",
)
# What triggers keep. A TRUNCATE of the bars empties them too.
_DERIVED = ("market_bars_ohlcv_1h", "market_series_counts")
_SEQUENCES = """
SELECT sequence.oid::regclass::text
FROM pg_class AS sequence JOIN pg_depend AS owned ON owned.objid = sequence.oid AND owned.deptype IN ('a', 'i')
WHERE sequence.relkind = 'S' AND owned.refobjid = ANY (%s::regclass[])
"""
_ALL = (*_TABLES, *_DERIVED)
_SIZE = """
SELECT sum(pg_relation_size(one)) + (
    SELECT coalesce(sum(pg_relation_size(relid)), 0) FROM pg_partition_tree('market_bars_ohlcv_1m')
)
FROM unnest(%s::regclass[]) AS one
"""
# TRUNCATE creates the files of each table and index again, which takes longer than most tests. A DELETE leaves dead
# rows, which make large tables slow. Both wait for writers that a test has left.
_MAX_DELETED_BYTES = 1_000_000
_DELETE = ";".join(
    (
        "BEGIN; SET LOCAL session_replication_role = replica",
        f"LOCK TABLE {', '.join(_ALL)} IN EXCLUSIVE MODE",
        *map("DELETE FROM {}".format, _ALL),
        "COMMIT",
    )
)
# The series of the migrations are restored as a whole: after a test that failed half-way they may have any values.
_READ_SERIES = "SELECT coalesce(jsonb_agg(one ORDER BY id), '[]')::text FROM market_series AS one"
_RESTORE_SERIES = """
DELETE FROM market_series;
INSERT INTO market_series SELECT (jsonb_populate_recordset(NULL::market_series, %s)).*
"""
# Also where the table of an archived year was dropped.
_HAS_DETACHED = r"""
SELECT EXISTS (SELECT FROM market_archived_years) OR EXISTS (
    SELECT FROM pg_class WHERE relname ~ '^market_bars_ohlcv_1m_\d{4}$' AND relkind = 'r' AND NOT relispartition
)
"""
_series: dict[str, str] = {}  # by the name of the database


def empty_tables() -> None:
    """The test database is as the migrations left it, but for the tables of accounts."""
    name = connection.settings_dict["NAME"]
    if not name.startswith("test_"):
        pytest.exit(f"{name} is not a test database: no table was emptied.", returncode=3)
    with connection.cursor() as cursor:
        cursor.execute(_HAS_DETACHED)
        (has_detached,) = cursor.fetchone()
        sequences = _find_sequences(name)
        cursor.execute(_find_use(sequences))
        if cursor.fetchone()[0]:
            _empty(cursor, sequences)
        if has_detached:
            attach_all()
        cursor.execute(_READ_SERIES)
        (found,) = cursor.fetchone()
        if found != _series.setdefault(name, found):
            cursor.execute(_RESTORE_SERIES, [_series[name]])


def _empty(cursor: CursorWrapper, sequences: tuple[str, ...]) -> None:
    cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    (may_disable_triggers,) = cursor.fetchone()
    cursor.execute(_SIZE, [list(_ALL)])
    if may_disable_triggers and cursor.fetchone()[0] < _MAX_DELETED_BYTES:
        cursor.execute(_DELETE)
        cursor.execute("SELECT setval(one::regclass, 1, false) FROM unnest(%s) AS one", [list(sequences)])
    else:
        cursor.execute(f"TRUNCATE {', '.join(_TABLES)} RESTART IDENTITY")


@functools.cache
def _find_sequences(name: str) -> tuple[str, ...]:
    with connection.cursor() as cursor:
        cursor.execute(_SEQUENCES, [list(_TABLES)])
        return tuple(found for (found,) in cursor.fetchall())


@functools.cache
def _find_use(sequences: tuple[str, ...]) -> str:
    """A query whether any table has a row, or any sequence was used."""
    rows = map("EXISTS (SELECT FROM {})".format, _TABLES)
    called = map("(SELECT is_called FROM {})".format, sequences)
    return f"SELECT {' OR '.join((*rows, *called))}"
