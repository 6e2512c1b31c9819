"""What users do with findings, over the service, the API and the pages."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from config.testing.processes import session
from config.testing.rows import QUALITY, RUNS, insert
from marketdata.access.tokens import issue_token
from marketdata.models import ApiToken, QualityEvent, QualityFinding, Series
from marketdata.quality.actions import ActionRefused, acknowledge, end_snoozes, reopen, resolve
from marketdata.quality.watch import watch
from marketdata.runs.commits import read_database_time
from marketdata.runs.jobs import lock_worker

FINDINGS = next(iter(QUALITY))
LIST = "/api/quality/findings/"


@pytest.fixture
def finding(market_db):
    insert(RUNS)
    insert(FINDINGS, series_id=Series.objects.get(slug="mnq").pk)
    return QualityFinding.objects.get()


@pytest.fixture
def accounts(market_db):
    """Makes clients; accounts are removed after the test."""
    users = get_user_model()

    def make(name: str, *, may_change: bool) -> Client:
        user = users.objects.create_user(f"quality-{name}")
        if may_change:
            user.user_permissions.add(Permission.objects.get(codename="change_qualityfinding"))
        client = Client()
        client.force_login(user)
        return client

    yield make
    users.objects.filter(username__startswith="quality-").delete()


def events() -> list[tuple[str, str]]:
    return list(QualityEvent.objects.order_by("pk").values_list("event", "by"))


def test_a_finding_is_acknowledged_resolved_and_reopened(finding):
    until = read_database_time() + timedelta(days=1)
    assert acknowledge([finding.pk], user="ann", note="known", until=until) == 1
    finding.refresh_from_db()
    assert (finding.state, finding.acknowledged_by, finding.note, finding.until) == (
        *("acknowledged", "ann", "known"),
        until,
    )
    assert resolve([finding.pk, 99], user="bob", note="a real print") == 1
    finding.refresh_from_db()
    assert (finding.state, finding.resolved_how, finding.resolved_by) == ("resolved", "hand", "bob")
    assert finding.resolution == "a real print"
    assert acknowledge([finding.pk], user="ann") == resolve([finding.pk], user="ann") == 0
    assert reopen([finding.pk], user="ann") == 1
    assert reopen([finding.pk], user="ann") == 0
    assert events() == [("acknowledged", "ann"), ("resolved", "bob"), ("reopened", "ann")]


@pytest.mark.parametrize("options", [{"note": "x" * 2001}, {"until": read_database_time}])
def test_what_cannot_be_stored_is_refused(finding, options):
    given = {name: value() if callable(value) else value for name, value in options.items()}
    with pytest.raises(ActionRefused):
        acknowledge([finding.pk], user="ann", **given)
    assert events() == []


def test_a_finding_that_no_check_reaches_is_open_again_when_its_time_is_over(finding):
    now = read_database_time()
    acknowledge([1], user="ann", until=now + timedelta(hours=1))
    watch(now)
    finding.refresh_from_db()
    assert finding.state == "acknowledged"
    watch(now + timedelta(hours=1))
    finding.refresh_from_db()
    assert (finding.state, finding.acknowledged_by, finding.until) == ("open", "", None)
    event = QualityEvent.objects.latest("pk")
    assert (event.event, event.by, event.note) == ("reopened", "", "It was acknowledged until now.")
    assert end_snoozes(now + timedelta(hours=1)) == 0


def test_the_api_lists_what_matches(finding, client, accounts):
    client = accounts("reader", may_change=False)
    insert(FINDINGS, id=2, series_id=None, identity="run 1", kind="run_failed", severity="warning")
    page = client.get(LIST).json()
    assert [one["id"] for one in page["findings"]] == [2, 1]
    assert page["findings"][1] | {"text": ""} == page["findings"][1] | {
        "kind": "spike", "severity": "error", "series": "mnq", "state": "open", "value": 40.0, "threshold": 12.0,
        "start": "2024-01-02T10:00:00+00:00", "end": "2024-01-02T10:01:00+00:00", "text": "",
    }  # fmt: skip
    for query, keys in {
        "series=mnq": [1],
        "kind=run_failed": [2],
        "severity=error": [1],
        "state=unresolved": [2, 1],
        "state=resolved": [],
        "start=2024-01-02T10:01": [],
        "start=2024-01-02T10:00:30&end=2024-01-03": [2, 1],
        "end=2024-01-02T10:00": [],
        "limit=1": [2],
        "cursor=2": [1],
    }.items():
        assert [one["id"] for one in client.get(f"{LIST}?{query}").json()["findings"]] == keys, query
    first = client.get(f"{LIST}?limit=1").json()
    assert first["next"].endswith("?cursor=2&limit=1")
    assert client.get(first["next"]).json()["next"] is None


@pytest.mark.parametrize("query", ["kind=gap", "state=closed", "series=nope", "limit=0", "bogus=1"])
def test_a_wrong_filter_is_refused(finding, accounts, query):
    assert accounts("reader", may_change=False).get(f"{LIST}?{query}").status_code in (400, 404)


def test_the_api_needs_a_token_that_may_write(finding, accounts):
    accounts("writer", may_change=True)
    address = f"{LIST}{finding.pk}/acknowledge/"
    for scope, status in ((ApiToken.Scope.READ, 403), (ApiToken.Scope.READ_WRITE, 200)):
        key = issue_token(name="quality-writer", scope=scope, renew=True)
        answer = Client(headers={"Authorization": f"Token {key}"}).post(
            address, {"note": "known"}, content_type="application/json"
        )
        assert answer.status_code == status
    assert answer.json()["events"][-1] | {"at": ""} == {
        "at": "", "event": "acknowledged", "by": "quality-writer", "note": "known",
    }  # fmt: skip
    assert Client().post(address).status_code == 401


@pytest.mark.parametrize("action", ["acknowledge", "resolve", "reopen"])
def test_the_api_needs_an_account_that_may_change_findings(finding, accounts, action):
    assert accounts("reader", may_change=False).post(f"{LIST}1/{action}/").status_code == 403
    client = accounts("writer", may_change=True)
    assert client.post(f"{LIST}1/{action}/", {"bogus": 1}, content_type="application/json").status_code == 400
    assert client.post(f"{LIST}7/{action}/").status_code == 404
    assert client.post(f"{LIST}1/{action}/").status_code == 200


def test_the_page_acts_on_the_chosen(finding, accounts):
    insert(FINDINGS, id=2, series_id=finding.series_id, start="2024-01-03", end="2024-01-04")
    client = accounts("writer", may_change=True)
    page = client.get("/quality/")
    assert b"The price left its range" in page.content
    answer = client.post("/quality/act/", {"finding": ["1", "2"], "action": "acknowledge", "for": "1d", "note": "x"})
    assert answer["Location"] == "/quality/"
    assert set(QualityFinding.objects.values_list("state", flat=True)) == {"acknowledged"}
    assert b"2 findings acknowledged until" in client.get("/quality/?state=all").content
    detail = client.get("/quality/1/")
    assert b"by quality-writer" in detail.content
    for address in ("https://evil.example/", "//evil.example/", "/admin/"):
        posted = {"finding": "1", "action": "resolve", "here": address}
        assert client.post("/quality/act/", posted)["Location"] == "/quality/"


def test_the_page_only_reads_without_the_permission(finding, accounts):
    client = accounts("reader", may_change=False)
    assert b'name="action"' not in client.get("/quality/").content
    assert client.post("/quality/act/", {"finding": "1", "action": "resolve"}).status_code == 403
    assert client.post("/quality/test-alert/").status_code == 403
    assert Client().get("/quality/").status_code == 302


def test_a_test_message_is_requested_with_a_word_about_the_worker(finding, accounts):
    client = accounts("writer", may_change=True)
    assert client.post("/quality/test-alert/")["Location"] == "/quality/"
    page = client.get("/quality/").content.decode()
    assert "A test message was requested for log. No worker runs: start one with" in page
    assert "log: waiting" in page
    with session() as cursor:
        assert lock_worker(cursor, "a worker")
        client.post("/quality/test-alert/")
        assert b"a worker sends it within seconds" in client.get("/quality/").content


def test_an_empty_page_explains_itself(market_db, accounts):
    client = accounts("reader", may_change=False)
    assert b"check_quality" in client.get("/quality/").content
    assert b"There is no series nope." in client.get("/quality/?series=nope").content
    assert client.get("/quality/7/").status_code == 404


def test_the_admin_acts_on_the_chosen(finding, admin_client_of_quality):
    assert admin_client_of_quality.get("/admin/marketdata/qualityfinding/1/change/").status_code == 200
    chosen = {"action": "resolve", "_selected_action": ["1"]}
    answer = admin_client_of_quality.post("/admin/marketdata/qualityfinding/", chosen, follow=True)
    assert b"1 finding resolved." in answer.content
    assert events() == [("resolved", "quality-root")]
    assert admin_client_of_quality.get("/admin/marketdata/qualityalert/").status_code == 200


@pytest.fixture
def admin_client_of_quality(accounts):
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("quality-root"))
    return client
