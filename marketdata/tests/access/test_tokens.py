"""Tokens are stored as hashes; a name has one token, until it is renewed."""

import hashlib
import io
import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from config.testing.processes import run, session
from marketdata.access.tokens import InvalidName, TokenError, TokenExists, find_token, hash_token, issue_token
from marketdata.models import ApiToken

SERIES = "/api/market-data/"


@pytest.fixture
def without_users(market_db):
    yield
    get_user_model().objects.filter(username__startswith="notebook").delete()


@pytest.fixture
def key(without_users):
    return issue_token(name="notebook")


def request(key, address=SERIES):
    return Client(headers={"Authorization": f"Token {key}"}).get(address)


def test_a_token_is_stored_as_its_hash_only(key):
    assert re.fullmatch("[0-9a-f]{40}", key)
    assert ApiToken.objects.get().digest == hash_token(key) == hashlib.sha256(key.encode()).hexdigest()
    assert find_in_all_tables(key) == []
    assert request(key).status_code == 200
    assert request(hash_token(key)).status_code == 401
    assert request(key.upper()).status_code == 401


def find_in_all_tables(text):
    """The tables with a row in which the text occurs."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = current_schema()")
        tables = [name for (name,) in cursor]
        found = []
        for table in tables:
            cursor.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text ILIKE %s", [f"%{text}%"])  # noqa: S608
            found += [table] if cursor.fetchone()[0] else []
    assert len(tables) > 10
    return found


def test_an_existing_name_needs_renew(key):
    with pytest.raises(TokenExists, match=r"There is a token 'notebook' already.* add --renew"):
        issue_token(name="notebook")
    assert request(key).status_code == 200
    renewed = issue_token(name="notebook", renew=True)
    assert (request(key).status_code, request(renewed).status_code) == (401, 200)
    other = issue_token(name="notebook 2", renew=True)
    assert (request(renewed).status_code, request(other).status_code) == (200, 200)


def test_renew_replaces_scope_expiry_and_revocation(without_users):
    issue_token(name="notebook", scope=ApiToken.Scope.READ_WRITE, expires_at=timezone.now())
    ApiToken.objects.update(revoked_at=timezone.now(), last_used_at=timezone.now())
    key = issue_token(name="notebook", renew=True)
    stored = ApiToken.objects.get()
    assert (stored.scope, stored.expires_at, stored.revoked_at, stored.last_used_at) == ("read", None, None, None)
    assert request(key).status_code == 200


def test_a_created_user_cannot_log_in_with_a_password(key):
    assert not get_user_model().objects.get(username="notebook").has_usable_password()


def test_an_existing_user_keeps_the_password(without_users):
    get_user_model().objects.create_user("notebook", password="not a secret 1")
    issue_token(name="notebook")
    assert get_user_model().objects.get(username="notebook").has_usable_password()


@pytest.mark.parametrize("name", ["", "x" * 151])
def test_a_name_that_no_user_can_have_is_refused(market_db, name):
    with pytest.raises(InvalidName, match=r"The name must have 1 to 150 characters\."):
        issue_token(name=name)


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2J", "a\0", " notebook", "notebook ", " ", "\udcff"])
def test_a_name_that_cannot_be_printed_is_refused(market_db, name):
    with pytest.raises(InvalidName, match="printable characters"):
        issue_token(name=name)
    assert not get_user_model().objects.exists()


def test_an_account_that_is_not_active_gets_no_token(without_users):
    get_user_model().objects.create_user("notebook", is_active=False)
    with pytest.raises(TokenError, match="'notebook' is not active"):
        issue_token(name="notebook")


def test_the_command_prints_one_line(without_users):
    ended = run("notebook", command="make_api_token")
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch("[0-9a-f]{40}\n", ended.out)
    assert request(ended.out.strip()).status_code == 200
    again = run("notebook", "--read-write", command="make_api_token")
    assert (again.code, again.out) == (1, "")
    assert "add --renew" in again.sentence
    renewed = run("notebook", "--renew", "--read-write", "--expires", "2d", command="make_api_token")
    assert request(renewed.out.strip()).status_code == 200
    stored = ApiToken.objects.get()
    assert stored.scope == "read-write"
    assert timedelta(days=1.9) < stored.expires_at - timezone.now() < timedelta(days=2)


@pytest.mark.parametrize(
    "arguments", [[""], ["notebook", "--expires", "soon"], ["notebook", "--expires", "2020-01-01"]]
)
def test_the_command_refuses_with_a_sentence_and_stores_nothing(without_users, arguments):
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("make_api_token", *arguments, stdout=out)
    assert (out.getvalue(), ApiToken.objects.count(), get_user_model().objects.count()) == ("", 0, 0)


def test_a_use_is_recorded_once_a_minute(key):
    request(key)
    first = ApiToken.objects.get().last_used_at
    assert timezone.now() - first < timedelta(seconds=10)
    request(key)
    assert ApiToken.objects.get().last_used_at == first
    ApiToken.objects.update(last_used_at=first - timedelta(seconds=61))
    request(key)
    assert ApiToken.objects.get().last_used_at > first


def test_a_use_is_not_recorded_where_the_database_may_only_be_read(key):
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
        try:
            assert request(key).status_code == 200
            assert find_token(key).can_record is False
        finally:
            cursor.execute("RESET default_transaction_read_only")
    assert ApiToken.objects.get().last_used_at is None


def test_a_request_does_not_wait_for_a_lock_on_the_token(key):
    with session() as other, connection.cursor() as cursor:
        other.execute("BEGIN")
        other.execute("SELECT id FROM access_api_tokens FOR UPDATE")
        cursor.execute("SET statement_timeout = '5s'")
        try:
            assert request(key).status_code == 200
        finally:
            cursor.execute("RESET statement_timeout")
            other.execute("ROLLBACK")
    assert ApiToken.objects.get().last_used_at is None


def test_the_user_of_a_token_can_be_deleted(key):
    with transaction.atomic():
        get_user_model().objects.get(username="notebook").delete()
    assert (ApiToken.objects.count(), request(key).status_code) == (0, 401)
