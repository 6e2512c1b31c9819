"""The migration that creates the hourly rollup computes it from existing bars, and can be reversed."""

from importlib import import_module

import pytest
from django.db import IntegrityError
from django.db.migrations.executor import MigrationExecutor

from config.testing.rollup import assert_rollup_matches, at, bar_row, copy_bars, insert_bars
from config.testing.rows import RUNS, execute, execute_one, insert
from marketdata.models import Bar, HourlyBar

ROLLUP = ("marketdata", "0006_hourly_ledger")


@pytest.fixture
def without_rollup(market_db):
    """The database as it was before the migration."""
    before = import_module("marketdata.migrations.0006_hourly_ledger").Migration.dependencies
    executor = MigrationExecutor(market_db)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate(before)
    yield market_db
    MigrationExecutor(market_db).migrate(latest)


def test_the_rollup_of_existing_bars_is_computed(without_rollup):
    insert(RUNS)
    copy_bars([bar_row("A", at(minute), minute % 17) for minute in (*range(-500, 50, 7), *range(65, 130))])
    copy_bars([bar_row("B b", at(minute), 5) for minute in range(10)])
    MigrationExecutor(without_rollup).migrate([ROLLUP])
    assert_rollup_matches()
    insert_bars([bar_row("A", at(400), 1)])
    assert_rollup_matches()


def test_reversed_it_leaves_the_bars_and_their_constraints(without_rollup):
    insert(RUNS)
    MigrationExecutor(without_rollup).migrate([ROLLUP])
    insert_bars([bar_row("A", at(1), 1)])
    assert HourlyBar.objects.count() == 1
    MigrationExecutor(without_rollup).migrate(
        import_module("marketdata.migrations.0006_hourly_ledger").Migration.dependencies
    )
    insert_bars([bar_row("A", at(2), 1)])
    with pytest.raises(IntegrityError, match="names an ingest run that does not exist"):
        insert_bars([bar_row("A", at(3), 1, run_id=9)])
    assert Bar.objects.count() == 2
    functions = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'market_hours%%' OR proname LIKE 'market_counts%%'"
    assert execute_one(functions + " OR proname LIKE 'market_bars%%'") == 0
    execute("DELETE FROM market_bars_ohlcv_1m")
