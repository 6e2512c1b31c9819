"""Sessions where the database may only be read."""

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.db import connection
from django.test import Client

from config.sessions import PREFIX, SessionStore


@pytest.fixture
def user(market_db):
    user = get_user_model().objects.create_superuser("reader", "", "a-password-of-this-test")
    Session.objects.all().delete()
    yield user
    Session.objects.all().delete()
    user.delete()


@pytest.fixture
def read_only(user):
    """Each transaction of this connection may only read, as on a replica."""
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        yield
        cursor.execute("RESET default_transaction_read_only")


def log_in(client: Client) -> str:
    form = {"username": "reader", "password": "a-password-of-this-test"}
    assert client.post("/admin/login/?next=/", form).status_code == 302
    assert client.get("/").status_code == 200
    return client.cookies[settings.SESSION_COOKIE_NAME].value


def test_a_session_is_a_row_where_the_database_can_be_written(user, client):
    key = log_in(client)
    assert Session.objects.get().session_key == key
    user.refresh_from_db()
    assert user.last_login is not None


def test_a_login_works_where_the_database_may_only_be_read(read_only, user, client):
    assert log_in(client).startswith(PREFIX)
    assert client.get("/admin/").status_code == 200
    user.refresh_from_db()
    assert (user.last_login, Session.objects.count()) == (None, 0)
    client.post("/admin/logout/")
    assert client.get("/").status_code == 302


def test_a_session_that_is_a_row_can_end_where_the_database_may_only_be_read(user, client):
    log_in(client)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        assert client.get("/").status_code == 200
        assert client.post("/admin/logout/").status_code == 200
        cursor.execute("RESET default_transaction_read_only")
    assert client.get("/").status_code == 302


def test_a_password_ends_signed_sessions(read_only, user, client):
    log_in(client)
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = off")
    user.set_password("another-password-of-this-test")
    user.save()
    assert client.get("/").status_code == 302


@pytest.mark.parametrize(
    "forge", [lambda key: key[:-1], lambda key: f"{PREFIX}x", lambda key: key.replace(":", "::", 1)]
)
def test_a_forged_session_is_none(read_only, client, forge):
    client.cookies[settings.SESSION_COOKIE_NAME] = forge(log_in(client))
    assert client.get("/").status_code == 302


def test_other_errors_of_the_database_are_raised(user, monkeypatch):
    store = SessionStore()
    store["key"] = "value"
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE django_session RENAME TO hidden")
        try:
            with pytest.raises(Exception, match="django_session"):
                store.save()
        finally:
            cursor.execute("ALTER TABLE hidden RENAME TO django_session")
