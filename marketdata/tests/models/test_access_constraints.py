"""The rules of API tokens and failed logins, which the database enforces on every writer."""

import pytest
from django.contrib.auth import get_user_model
from django.db import IntegrityError, connection

from config.testing.rows import ACCESS, FAILED_LOGINS, TOKENS, insert

OFFENCES = {
    "api_token_name_not_empty": (TOKENS, [{"name": ""}]),
    "api_token_digest_form": (TOKENS, [{"digest": "a" * 40}, {"digest": "A" * 64}, {"digest": "g" * 64}]),
    "api_token_scope_known": (TOKENS, [{"scope": ""}, {"scope": "write"}, {"scope": "Read"}]),
    "failed_login_key_form": (FAILED_LOGINS, [{"key": "operator"}, {"key": "A" * 64}]),
    "failed_login_not_negative": (FAILED_LOGINS, [{"failures": -1}]),
}
CASES = [(name, table, changes) for name, (table, ways) in OFFENCES.items() for changes in ways]


@pytest.fixture
def user_1(db):
    get_user_model().objects.create(pk=1, username="notebook")


@pytest.mark.parametrize(("name", "table", "changes"), CASES)
def test_a_row_that_breaks_a_rule_is_refused_by_that_rule(user_1, name, table, changes):
    with pytest.raises(IntegrityError) as refusal:
        insert(table, **changes)
    assert refusal.value.__cause__.diag.constraint_name == name


@pytest.mark.parametrize(
    ("name", "changes"), [("api_token_name_once", {"digest": "0" * 64}), ("api_token_digest_once", {"name": "other"})]
)
def test_name_and_digest_are_unique(user_1, name, changes):
    insert(TOKENS)
    with pytest.raises(IntegrityError) as refusal:
        insert(TOKENS, **changes)
    assert refusal.value.__cause__.diag.constraint_name == name


def test_no_check_is_left_untested(user_1):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (%s::regclass[])", [list(ACCESS)]
        )
        assert {name for (name,) in cursor} == set(OFFENCES)
    assert insert(TOKENS, scope="read-write", expires_at="infinity") == 1
    assert insert(FAILED_LOGINS, failures=0) == 1
