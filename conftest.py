"""Fixtures that all apps' tests share."""

import pytest
from django.db import connection

_TABLES = "market_bars_ohlcv_1m, market_bar_revisions, market_series_instruments, data_ingest_runs"


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
