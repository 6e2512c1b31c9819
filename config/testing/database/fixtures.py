"""Database fixtures for the tests of all apps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from config.testing.database.claim import claim_database, drop_database, make_commits_fast
from config.testing.database.empty import empty_tables


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
    name = connection.creation._get_test_db_name()  # type: ignore[attr-defined]  # of PostgreSQL's creation
    with contextlib.ExitStack() as claim:
        with django_db_blocker.unblock():
            claim.enter_context(claim_database(name))
            if not django_db_keepdb:
                drop_database(name)  # of a run that was killed
            databases = setup_databases(verbosity=0, interactive=False, keepdb=django_db_keepdb)
            make_commits_fast(name)
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
    with open_market_db(django_db_blocker) as database:
        yield database


@contextlib.contextmanager
def open_market_db(django_db_blocker: DjangoDbBlocker) -> Iterator[BaseDatabaseWrapper]:
    """What `market_db` yields, for fixtures of a module, which must be over before a test uses `market_db`."""
    with django_db_blocker.unblock():
        empty_tables()
        yield connection
        _close_streams()
        empty_tables()
        connection.close()


def _close_streams() -> None:
    """Their thread has a connection of its own."""
    from marketdata.stream.hub import hub

    hub.close()
