"""A database as an earlier release left it, with data."""

from __future__ import annotations

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from config.testing.rollup import at, bar_row, insert_bars
from config.testing.rows import (
    ARCHIVED_YEARS,
    BARS,
    GOOD,
    INSTRUMENTS,
    REVISIONS,
    RUNS,
    SERIES,
    UNDO,
    execute,
    execute_one,
    insert,
)

RELEASES = [
    "0001_schema",
    "0002_run_integrity",
    "0003_mnq_series",
    "0004_browsable_bar",
    "0005_undo",
    "0006_hourly_ledger",
    "0007_ledger_in_any_session",
    "0008_bars_in_calendars",
]
RENAMED = {"slug": "nasdaq", "symbol": "NQ MICRO"}

# What these functions had in earlier releases, and an ordinary owner may not set.
_WRITERS = """
SELECT format('ALTER FUNCTION %s SET barkeep.keeps_hours = ''on''', oid::regprocedure)
FROM pg_proc
WHERE pronamespace = current_schema()::regnamespace AND proname IN (
    'market_bars_enter_hours', 'market_bars_change_hours', 'market_bars_empty_hours', 'market_hours_make_anew',
    'market_counts_add', 'market_counts_make_anew'
)
"""


def migrate_to(release: str, *, privileged: bool = True) -> None:
    """Apply marketdata's migrations up to this one, each by itself, as earlier releases did.

    `privileged`: a superuser then also sets what these releases did.
    """
    executor = MigrationExecutor(connection)
    executor.loader.replace_migrations = False
    executor.loader.build_graph()
    executor.migrate([("marketdata", release)])
    with connection.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0] and privileged:
            _set_as_superuser(cursor)


def _set_as_superuser(cursor) -> None:
    cursor.execute(_WRITERS)
    for (statement,) in cursor.fetchall():
        cursor.execute(statement)


def add_data(release: str) -> None:
    """Two loads, the second of which corrected the first, an undo of the second, and a series with a new name."""
    number = RELEASES.index(release) + 1
    if number < 3:
        insert(SERIES, **RENAMED)
    else:
        execute("UPDATE market_series SET slug = %s, symbol = %s, name = 'Mine' WHERE slug = 'mnq'", *RENAMED.values())
    series_id = execute_one("SELECT id FROM market_series")
    for run_id in (1, 2):
        insert(RUNS, id=run_id, symbols=[RENAMED["symbol"]])
    insert(INSTRUMENTS, series_id=series_id)
    rows = [bar_row(RENAMED["symbol"], at(minute), minute % 17) for minute in (*range(-500, 50, 7), *range(65, 130))]
    insert_bars([*rows, *(bar_row("B b", at(minute), 5, run_id=2) for minute in range(10))])
    execute("UPDATE market_bars_ohlcv_1m SET close = low, ingestion_run_id = 2 WHERE ts = %s", at(70))
    execute("DELETE FROM market_bars_ohlcv_1m WHERE ts = %s", at(72))
    insert(REVISIONS, symbol=RENAMED["symbol"], ts=at(70), revised_by_id=2)
    insert(REVISIONS, symbol=RENAMED["symbol"], ts=at(72), revised_by_id=2, operation="delete")
    if number >= 5:
        undo = {name: value for name, value in UNDO.items() if name != "kind"}  # a column of later releases
        insert(RUNS, **undo | {"id": 3, "undoes_id": 2})
        insert(INSTRUMENTS, series_id=series_id, instrument_id=7, replaced_by_id=2)


def read_data() -> dict[str, list[tuple]]:
    """Every row that `add_data` wrote to the tables that every release has, by the columns that `GOOD` names."""
    found = {}
    with connection.cursor() as cursor:
        for table, row in GOOD.items():
            if table == ARCHIVED_YEARS:  # of later releases
                continue
            own = "WHERE slug = 'nasdaq'" if table == SERIES else ""
            cursor.execute(f"SELECT {', '.join(row)} FROM {table} {own} ORDER BY 1, 2, 3")  # noqa: S608
            found[table] = cursor.fetchall()
    assert all(found.values())
    assert len(found[BARS]) > 100
    return found
