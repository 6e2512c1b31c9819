"""One token for each user, until it is renewed."""

import io

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from marketdata.api_tokens import InvalidUsername, issue_token


@pytest.fixture
def without_users(market_db):
    yield
    get_user_model().objects.filter(username__startswith="notebook").delete()


def test_the_same_name_gets_the_same_token_until_it_is_renewed(without_users):
    first = issue_token(username="notebook")
    assert issue_token(username="notebook") == first
    renewed = issue_token(username="notebook", renew=True)
    assert renewed != first
    assert issue_token(username="notebook") == renewed
    assert issue_token(username="notebook 2") != renewed


def test_a_created_user_cannot_log_in_with_a_password(without_users):
    issue_token(username="notebook")
    assert not get_user_model().objects.get(username="notebook").has_usable_password()


def test_an_existing_user_keeps_the_password(without_users):
    get_user_model().objects.create_user("notebook", password="not a secret 1")
    issue_token(username="notebook")
    assert get_user_model().objects.get(username="notebook").has_usable_password()


@pytest.mark.parametrize("name", ["", "x" * 151])
def test_a_name_that_no_user_can_have_is_refused(market_db, name):
    with pytest.raises(InvalidUsername, match=r"The name must have 1 to 150 characters\."):
        issue_token(username=name)


def test_the_command_prints_the_token_and_refuses_an_empty_name(without_users):
    out = io.StringIO()
    call_command("make_api_token", "notebook", stdout=out)
    assert out.getvalue() == issue_token(username="notebook") + "\n"
    with pytest.raises(CommandError, match="The name must have 1 to 150 characters"):
        call_command("make_api_token", "")
