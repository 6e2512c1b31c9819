"""A database with tokens in clear, as rest_framework.authtoken stored them."""

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder
from django.test import Client

from config.testing.database.scratch import migrated_database
from config.testing.rows import execute, execute_one
from marketdata.access.tokens import hash_token
from marketdata.models import ApiToken

pytestmark = pytest.mark.ordinary_role

KEYS = {"notebook": "0123456789abcdef0123456789abcdef01234567", "name with ü": "f" * 40}
BEFORE = "0010_contracts"
# As the migrations of rest_framework.authtoken create it.
CREATE_TABLE = """
CREATE TABLE authtoken_token (
    key varchar(40) PRIMARY KEY,
    created timestamptz NOT NULL,
    user_id integer NOT NULL UNIQUE REFERENCES auth_user DEFERRABLE INITIALLY DEFERRED
);
CREATE INDEX ON authtoken_token (key varchar_pattern_ops);
INSERT INTO django_migrations (app, name, applied) VALUES ('authtoken', '0001_initial', now());
"""


@pytest.fixture
def earlier(market_db):
    """A database before this change, with two tokens, one of them created in the admin, and rights on tokens."""
    with migrated_database():
        call_command("migrate", "marketdata", BEFORE, verbosity=0)
        execute(CREATE_TABLE)
        execute("INSERT INTO django_content_type (app_label, model) VALUES ('authtoken', 'token')")
        kind = execute_one("SELECT id FROM django_content_type WHERE app_label = 'authtoken'")
        permission = Permission.objects.create(content_type_id=kind, codename="view_token", name="Can view Token")
        group = Group.objects.create(name="readers")
        group.permissions.add(permission)
        for name, key in KEYS.items():
            user = get_user_model().objects.create_user(name)
            user.user_permissions.add(permission)
            execute("INSERT INTO authtoken_token VALUES (%s, '2024-05-06T07:08:09Z', %s)", key, user.pk)
            execute(
                "INSERT INTO django_admin_log (action_time, object_id, object_repr, action_flag, change_message,"
                " content_type_id, user_id) VALUES (now(), %s, %s, 1, '', %s, %s)",
                *(key, key, kind, user.pk),
            )
        yield


def find_in_all_tables(text):
    found = []
    for table in connection.introspection.table_names():
        if execute_one(f'SELECT count(*) FROM "{table}" AS t WHERE t::text LIKE %s', f"%{text}%"):  # noqa: S608
            found.append(table)
    return found


@pytest.mark.slow
def test_tokens_go_on_working_and_none_stays_in_clear(earlier):
    assert find_in_all_tables(KEYS["notebook"]) == ["authtoken_token", "django_admin_log"]
    call_command("migrate", verbosity=0)
    for name, key in KEYS.items():
        assert find_in_all_tables(key) == []
        stored = ApiToken.objects.get(name=name)
        assert (stored.digest, stored.scope, stored.user.username) == (hash_token(key), "read", name)
        assert (f"{stored.created_at:%Y-%m-%dT%H:%M:%SZ}", stored.expires_at) == ("2024-05-06T07:08:09Z", None)
        client = Client(headers={"Authorization": f"Token {key}"})
        assert client.get("/api/market-data/").status_code == 200
    assert not Permission.objects.filter(content_type__app_label="authtoken").exists()
    assert execute_one("SELECT count(*) FROM django_admin_log WHERE object_repr = 'API token'") == 2


@pytest.mark.slow
def test_migrating_back_lets_the_earlier_version_create_its_table(earlier):
    call_command("migrate", verbosity=0)
    call_command("migrate", "marketdata", BEFORE, verbosity=0)
    assert "access_api_tokens" not in connection.introspection.table_names()
    assert "authtoken" not in {app for app, _ in MigrationRecorder(connection).applied_migrations()}
    call_command("migrate", verbosity=0)
    assert ApiToken.objects.count() == 0
