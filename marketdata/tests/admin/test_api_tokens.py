"""The API tokens in the admin: listed, revoked, never shown."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from marketdata.access.tokens import hash_token, issue_token
from marketdata.models import ApiToken

TOKENS = "/admin/marketdata/apitoken/"


@pytest.fixture
def key(market_db):
    yield issue_token(name="notebook")
    get_user_model().objects.all().delete()


@pytest.fixture
def operator(key, client):
    client.force_login(get_user_model().objects.create_superuser("operator"))
    return client


def revoke(client):
    return client.post(TOKENS, {"action": "revoke", "_selected_action": ApiToken.objects.get().pk}, follow=True)


def test_no_page_shows_a_token_or_its_hash(operator, key):
    token = ApiToken.objects.get()
    for address in (
        TOKENS,
        f"{TOKENS}{token.pk}/change/",
        f"{TOKENS}{token.pk}/history/",
        f"{TOKENS}{token.pk}/delete/",
    ):
        response = operator.get(address)
        page = response.content.decode()
        assert response.status_code == 200
        assert "notebook" in page
        assert key not in page
        assert hash_token(key) not in page
    assert 'class="field-state">valid<' in operator.get(TOKENS).content.decode()


def test_a_revoked_token_is_refused_at_once(operator, key):
    program = Client(headers={"Authorization": f"Token {key}"})
    assert program.get("/api/market-data/").status_code == 200
    page = revoke(operator).content.decode()
    assert "1 token revoked" in page
    assert 'class="field-state">revoked<' in page
    assert program.get("/api/market-data/").status_code == 401
    first = ApiToken.objects.get().revoked_at
    assert "0 tokens revoked" in revoke(operator).content.decode()
    assert ApiToken.objects.get().revoked_at == first
    assert "Revoked." in operator.get(f"{TOKENS}{ApiToken.objects.get().pk}/history/").content.decode()


def test_tokens_cannot_be_added_or_changed(operator):
    token = ApiToken.objects.get()
    assert operator.get(f"{TOKENS}add/").status_code == 403
    assert operator.post(f"{TOKENS}{token.pk}/change/", {"name": "other"}).status_code == 403
    assert ApiToken.objects.get().name == "notebook"


def test_staff_that_may_only_view_cannot_revoke(key, client):
    clerk = get_user_model().objects.create_user("clerk", is_staff=True)
    clerk.user_permissions.add(Permission.objects.get(codename="view_apitoken"))
    client.force_login(clerk)
    assert not re.search('value="revoke"', client.get(TOKENS).content.decode())
    revoke(client)
    assert ApiToken.objects.get().revoked_at is None


def test_an_account_can_be_deleted_with_its_token(operator, key):
    user = get_user_model().objects.get(username="notebook")
    assert operator.post(f"/admin/auth/user/{user.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not ApiToken.objects.exists()
