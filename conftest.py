"""Fixtures that all apps' tests share."""

import pytest
from django.db import connection
from django.test.utils import setup_databases, teardown_databases

_TABLES = "market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_modify_db_settings, django_db_keepdb, django_db_blocker):
    """Make the test database, always: pytest-django's own fixture makes none where no test asks for `db`, and
    `market_db` would empty the real one."""
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False, keepdb=django_db_keepdb)
    yield
    if not django_db_keepdb:
        with django_db_blocker.unblock():
            teardown_databases(made, verbosity=0)


@pytest.fixture
def market_db(django_db_setup, django_db_blocker):
    """The real database, empty but for the series that migrations bring, and without a transaction around the test:
    ingestion commits, and other processes and connections must see it."""
    with django_db_blocker.unblock():
        _empty()
        yield connection
        _empty()
        connection.close()


def _empty() -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {_TABLES} RESTART IDENTITY")
        cursor.execute("DELETE FROM market_series WHERE slug <> 'mnq'")
