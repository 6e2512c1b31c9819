"""Database fixtures for the tests of all apps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from config.testing.database.claim import claim_database, drop_database

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
_SEQUENCES = (
    "data_ingest_runs_id_seq",
    "market_feed_requests_id_seq",
    "market_backfills_id_seq",
    "market_feed_sessions_id_seq",
    "market_quality_findings_id_seq",
)
# TRUNCATE creates the files of each table and index again, which takes longer than most tests.
_USES = [*map("EXISTS (SELECT FROM {})".format, _TABLES), *map("(SELECT is_called FROM {})".format, _SEQUENCES)]
_RESET_MNQ = """
UPDATE market_series SET feed_symbol = 'MNQ.c.0', feed_stype = 'continuous', feed_start = NULL, feed_daily = false,
    live = false, quality_thresholds = '{}'
WHERE slug = 'mnq' AND (
    feed_symbol <> 'MNQ.c.0' OR feed_start IS NOT NULL OR feed_daily OR live OR quality_thresholds <> '{}'
)
"""


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None,
    django_db_modify_db_settings: None,
    django_db_keepdb: bool,
    django_db_blocker: DjangoDbBlocker,
    database_role: None,
) -> Iterator[None]:
    """Create the test database for all tests. pytest-django's own fixture creates it only for tests with its mark;
    other tests would use the real database."""
    name = connection.creation._get_test_db_name()
    with contextlib.ExitStack() as claim:
        with django_db_blocker.unblock():
            claim.enter_context(claim_database(name))
            if not django_db_keepdb:
                drop_database(name)  # of a run that was killed
            databases = setup_databases(verbosity=0, interactive=False, keepdb=django_db_keepdb)
        yield
        with django_db_blocker.unblock():
            connection.close()
            if not django_db_keepdb:
                drop_database(name)
            teardown_databases(databases, verbosity=0, keepdb=True)  # only gives Django the database's name back


@pytest.fixture
def market_db(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """The test database, empty except for the series that migrations create. No transaction surrounds the test, since
    ingestion commits and other processes and connections must see the result."""
    with django_db_blocker.unblock():
        _empty_tables()
        yield connection
        _close_streams()
        _empty_tables()
        connection.close()


def _close_streams() -> None:
    """Their thread has a connection of its own."""
    from marketdata.stream.hub import hub

    hub.close()


def _empty_tables() -> None:
    name = connection.settings_dict["NAME"]
    if not name.startswith("test_"):
        pytest.exit(f"{name} is not a test database: no table was emptied.", returncode=3)
    with connection.cursor() as cursor:
        cursor.execute("SELECT " + " OR ".join(_USES))
        if cursor.fetchone()[0]:
            cursor.execute(f"TRUNCATE {', '.join(_TABLES)} RESTART IDENTITY")
        cursor.execute("DELETE FROM market_series WHERE slug <> 'mnq'")
        cursor.execute(_RESET_MNQ)
