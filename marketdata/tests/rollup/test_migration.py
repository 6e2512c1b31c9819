"""The migration that brings the ledger: it takes in what is there, and can be taken back."""

from importlib import import_module

import pytest
from django.db import IntegrityError
from django.db.migrations.executor import MigrationExecutor

from config.testing.hours import assert_in_step, at, bar_row, copy_bars, insert_bars
from config.testing.rows import RUNS, execute, execute_one, insert
from marketdata.models import Bar, HourlyBar

LEDGER = ("marketdata", "0006_hourly_ledger")


@pytest.fixture
def without_ledger(market_db):
    """The database as it was before the migration."""
    before = import_module("marketdata.migrations.0006_hourly_ledger").Migration.dependencies
    executor = MigrationExecutor(market_db)
    latest = executor.loader.graph.leaf_nodes()
    executor.migrate(before)
    yield market_db
    MigrationExecutor(market_db).migrate(latest)


def test_bars_that_are_there_are_taken_in(without_ledger):
    insert(RUNS)
    copy_bars([bar_row("A", at(minute), minute % 17) for minute in (*range(-500, 50, 7), *range(65, 130))])
    copy_bars([bar_row("B b", at(minute), 5) for minute in range(10)])
    MigrationExecutor(without_ledger).migrate([LEDGER])
    assert_in_step()
    insert_bars([bar_row("A", at(400), 1)])
    assert_in_step()


def test_taken_back_it_leaves_the_bars_and_their_rules(without_ledger):
    insert(RUNS)
    MigrationExecutor(without_ledger).migrate([LEDGER])
    insert_bars([bar_row("A", at(1), 1)])
    assert HourlyBar.objects.count() == 1
    MigrationExecutor(without_ledger).migrate(
        import_module("marketdata.migrations.0006_hourly_ledger").Migration.dependencies
    )
    insert_bars([bar_row("A", at(2), 1)])
    with pytest.raises(IntegrityError, match="names an ingest run that does not exist"):
        insert_bars([bar_row("A", at(3), 1, run_id=9)])
    assert Bar.objects.count() == 2
    left = "SELECT count(*) FROM pg_proc WHERE proname LIKE 'market_hours%%' OR proname LIKE 'market_counts%%'"
    assert execute_one(left + " OR proname LIKE 'market_bars%%'") == 0
    execute("DELETE FROM market_bars_ohlcv_1m")
