"""Tokens that are refused, and what a token that only reads may do."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from marketdata.access.tokens import issue_token
from marketdata.models import ApiToken


class WritingView(APIView):
    """The API only reads today. A view with permissions of its own does not forget the scope."""

    permission_classes = ()

    def get(self, request):
        return Response(request.user.get_username())

    def post(self, request):
        return Response("written")


@pytest.fixture
def key(market_db):
    yield issue_token(name="notebook")
    get_user_model().objects.filter(username="notebook").delete()


def send(method, key):
    request = getattr(APIRequestFactory(), method)("/", headers={"Authorization": f"Token {key}"})
    return WritingView.as_view()(request)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"revoked_at": timezone.now()}, "The token is revoked."),
        ({"expires_at": "2024-01-31T12:00:00Z"}, "The token expired at 2024-01-31T12:00:00Z."),
    ],
)
def test_a_token_that_ended_is_refused_with_a_sentence(key, changes, sentence):
    ApiToken.objects.update(**changes)
    response = send("get", key)
    assert (response.status_code, response.data["detail"], response["WWW-Authenticate"]) == (401, sentence, "Token")
    assert ApiToken.objects.get().last_used_at is None


def test_a_token_works_until_it_expires(key):
    ApiToken.objects.update(expires_at=timezone.now() + timedelta(minutes=1))
    assert send("get", key).data == "notebook"


def test_an_account_that_is_not_active_is_refused(key):
    get_user_model().objects.filter(username="notebook").update(is_active=False)
    assert (send("get", key).status_code, ApiToken.objects.get().last_used_at) == (401, None)


@pytest.mark.parametrize("wrong", ["", "x", "0" * 40, "0" * 100_000, "a b", "é"])
def test_other_tokens_are_refused(key, wrong):
    assert send("get", wrong.encode()).status_code == 401


def test_a_token_that_reads_does_not_write(key):
    refused = send("post", key)
    assert (refused.status_code, refused.data["detail"].split(":")[0]) == (403, "This token may only read")
    assert send("put", key).status_code == 405
    key = issue_token(name="notebook", renew=True, scope=ApiToken.Scope.READ_WRITE)
    assert send("post", key).data == "written"
