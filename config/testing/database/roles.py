"""A pytest plugin: run tests again in a database whose owner is an ordinary role, as on a managed PostgreSQL.

    pytest --database-role=ordinary

selects the tests that are marked `ordinary_role`. The test database then belongs to a role that is no superuser, and
its schema public grants CREATE to no other role.
"""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest
from django.db import connection
from django.db.models.signals import pre_migrate
from pytest_django import DjangoDbBlocker

ROLE = "barkeep_test_owner"
_LOCK = 7_215_300_411  # one worker at a time creates the role


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--database-role",
        choices=["default", "ordinary"],
        default="default",
        help="ordinary: run the tests marked ordinary_role in a database that a role without privileges owns",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "ordinary_role: runs a second time with --database-role=ordinary")
    config.addinivalue_line("markers", "superuser: needs a superuser, so it is skipped with --database-role=ordinary")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Modules without such a test are not even imported, which takes longer than the tests of many of them."""
    if is_ordinary(config) and collection_path.suffix == ".py" and "ordinary_role" not in collection_path.read_text():
        return True
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not is_ordinary(config):
        return
    config.hook.pytest_deselected(items=[item for item in items if not item.get_closest_marker("ordinary_role")])
    items[:] = [item for item in items if item.get_closest_marker("ordinary_role")]
    for item in items:
        if item.get_closest_marker("superuser"):
            item.add_marker(pytest.mark.skip(reason="needs a superuser"))


def is_ordinary(config: pytest.Config) -> bool:
    return bool(config.getoption("--database-role") == "ordinary")


@pytest.fixture(scope="session")
def database_role(
    request: pytest.FixtureRequest, django_db_modify_db_settings: None, django_db_blocker: DjangoDbBlocker
) -> None:
    """Before the test database is created: let Django connect as the role that was chosen."""
    if is_ordinary(request.config):
        with django_db_blocker.unblock():
            _become_ordinary(request.config)


def _become_ordinary(config: pytest.Config) -> None:
    # The workers of pytest-xdist share this id, and so the password.
    password = getattr(config, "workerinput", {}).get("testrunuid") or uuid.uuid4().hex
    with connection._nodb_cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", [ROLE])
        verb = "ALTER" if cursor.rowcount else "CREATE"
        cursor.execute(f"{verb} ROLE {ROLE} LOGIN NOSUPERUSER NOCREATEROLE CREATEDB PASSWORD %s", [password])
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    connection.close()
    settings = connection.settings_dict
    name = settings["TEST"].get("NAME") or f"test_{settings['NAME']}"
    settings["TEST"]["NAME"] = f"{name}_ordinary"  # it cannot drop the database of a superuser's run
    settings |= {"USER": ROLE, "PASSWORD": password}
    pre_migrate.connect(_revoke_create, dispatch_uid="ordinary role")


def _revoke_create(**signal: object) -> None:
    """From PUBLIC, which is the default from PostgreSQL 15 on. The owner of the database keeps it."""
    with connection.cursor() as cursor:
        cursor.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if cursor.fetchone()[0]:
            pytest.exit("The tests of an ordinary role are connected as a superuser.", returncode=3)
