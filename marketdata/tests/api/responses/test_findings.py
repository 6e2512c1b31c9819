"""Bodies of findings, and what actions on them answer, as described."""

import pytest
from django.contrib.auth import get_user_model

from config.testing.rows import QUALITY, RUNS, insert
from marketdata.models import Series
from marketdata.quality.actions import acknowledge
from marketdata.tests.api.contract import ACTIONS

LIST = "/api/quality/findings/"
FINDINGS = next(iter(QUALITY))


@pytest.fixture
def findings(market_db):
    """A spike of mnq that was acknowledged, and a failed run."""
    insert(RUNS)
    insert(
        FINDINGS, series_id=Series.objects.get(slug="mnq").pk, evidence='[{"ts": "2024-01-02T10:00Z", "close": "1"}]'
    )
    insert(FINDINGS, id=2, series_id=None, identity="run 1", kind="run_failed", severity="warning")
    acknowledge([1], user="ann", note="known")


@pytest.fixture
def writer(findings, client):
    """A client with the login of an account that may change findings."""
    user = get_user_model().objects.create_superuser("findings writer")
    client.force_login(user)
    yield client
    user.delete()


def test_findings_are_as_described(check, findings):
    assert check(LIST).json()["next"] is None
    first = check(f"{LIST}?limit=1").json()
    assert check(first["next"].replace("http://testserver", "")).json()["findings"][0]["id"] == 1
    check(f"{LIST}?series=mnq&state=unresolved&start=2024-01-02&end=2024-01-03")
    for number in (1, 2):
        assert check(f"{LIST}{number}/").json()["id"] == number


@pytest.mark.parametrize("action", ACTIONS)
def test_actions_are_as_described(check, writer, action):
    address = f"{LIST}1/{action}/"
    for note in ("", "a real print"):
        check(address, client=writer, body={"note": note})
    assert list(check(address, client=writer, body={"bogus": 1}, status=400).json()) == ["bogus"]
    for wrong in ('{"note":', "[1]", "null", '"text"', '{"note": {}}'):
        check(address, client=writer, body=wrong, status=400)
    check(f"{address}?bogus=1", client=writer, body={}, status=400)
    check(address, client=writer, body="<note/>", status=415, content_type="application/xml")
    check(address.replace("/1/", "/999/"), client=writer, body={}, status=404)
    check(address, client=writer, body={}, status=406, Accept="image/png")


@pytest.mark.parametrize("action", ACTIONS)
def test_a_token_that_may_only_read_is_refused_as_described(check, findings, action):
    assert "read-write" in check(f"{LIST}1/{action}/", body={}, status=403).json()["detail"]
