"""Which streams end because their login or token would be refused now."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from config.sessions import PREFIX, SALT, SessionStore
from marketdata.access.tokens import issue_token
from marketdata.models import ApiToken
from marketdata.stream.access import Access, find_ended

MANY = 30


def log_in(name: str) -> Access:
    user = get_user_model().objects.create_user(name)
    client = Client()
    client.force_login(user)
    return Access(user.pk, None, client.session.session_key)


@pytest.fixture
def logins(db) -> list[Access]:
    return [log_in(f"user{number}") for number in range(MANY)]


def test_the_number_of_queries_does_not_depend_on_the_number_of_logins(logins):
    with CaptureQueriesContext(connection) as queries:
        assert find_ended(logins) == set()
    assert len(queries) <= 3


def test_logins_that_have_ended(logins):
    logged_out, expired, deactivated, changed, deleted, *others = logins
    Session.objects.filter(session_key=logged_out.secret).delete()
    Session.objects.filter(session_key=expired.secret).update(expire_date=timezone.now() - timedelta(seconds=1))
    users = get_user_model().objects
    users.filter(pk=deactivated.user_id).update(is_active=False)
    user = users.get(pk=changed.user_id)
    user.set_unusable_password()
    user.save()
    users.get(pk=deleted.user_id).delete()
    assert find_ended(logins) == {logged_out, expired, deactivated, changed, deleted}
    stolen = Access(others[0].user_id, None, others[1].secret)
    assert find_ended([stolen]) == {stolen}


def test_a_session_in_a_cookie(logins):
    stored = SessionStore(logins[0].secret)
    text = signing.dumps(dict(stored.items()), salt=SALT, serializer=stored.serializer, compress=True)
    signed = logins[0]._replace(secret=f"{PREFIX}{text}")
    forged = signed._replace(secret=f"{signed.secret}x")
    assert find_ended([signed, forged]) == {forged}


def test_tokens(db):
    def issue(name: str) -> Access:
        issue_token(name=name)
        token = ApiToken.objects.get(name=name)
        return Access(token.user_id, token.pk, token.digest)

    kept, revoked, deleted, expired, renewed = map(issue, ("kept", "revoked", "deleted", "expired", "renewed"))
    now = timezone.now()
    ApiToken.objects.filter(pk=revoked.token_id).update(revoked_at=now)
    ApiToken.objects.filter(pk=deleted.token_id).delete()
    ApiToken.objects.filter(pk=expired.token_id).update(created_at=now - timedelta(days=2), expires_at=now)
    issue_token(name="renewed", renew=True)
    assert find_ended([kept, revoked, deleted, expired, renewed]) == {revoked, deleted, expired, renewed}
