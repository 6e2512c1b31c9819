"""The login page is open to any active account; the admin to staff only."""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

from config.testing.web.pages import create_failed_run, create_successful_run
from marketdata.models import FailedLogin

PASSWORD = "a-password-of-this-test"
HERE, ELSEWHERE = "203.0.113.7", "198.51.100.1"
PAGES = ("/", "/series/mnq/", "/runs/1/")
API = ("/api/market-data/", "/api/ingest-runs/", "/api/market-data/mnq/ohlcv-1m/bars", "/api/market-data/mnq/coverage")


@pytest.fixture(autouse=True)
def accounts(market_db):
    """An account that may only read, one that is not active, and a superuser."""
    create = get_user_model().objects
    create.create_user("analyst", password=PASSWORD)
    create.create_user("former", password=PASSWORD, is_active=False)
    create.create_superuser("operator", password=PASSWORD)
    create_successful_run(pk=1)
    yield
    get_user_model().objects.all().delete()
    FailedLogin.objects.all().delete()


def log_in(username, password=PASSWORD, *, query="", address=HERE, **fields):
    client = Client(REMOTE_ADDR=address)
    return client, client.post(f"/login/{query}", {"username": username, "password": password, **fields})


@pytest.mark.parametrize("username", ["analyst", "operator"])
def test_any_active_account_reads_pages_and_api(username):
    client, response = log_in(username)
    assert (response.status_code, response.url) == (302, "/")
    assert {address: client.get(address).status_code for address in (*PAGES, *API)} == dict.fromkeys(
        (*PAGES, *API), 200
    )


def test_an_account_without_rights_gets_neither_the_admin_nor_its_links():
    for number in range(7):
        create_failed_run(pk=10 + number, file_name=f"{number}.dbn", file_path=f"/{number}.dbn")
    client, _ = log_in("analyst")
    home = client.get("/")
    assert "2 more failed runs" in home.content.decode()
    for page in (home, *map(client.get, PAGES[1:])):
        assert "/admin/" not in page.content.decode()
    for address in ("/admin/", "/admin/marketdata/ingestrun/", "/admin/marketdata/apitoken/", "/admin/auth/user/"):
        assert client.get(address).url.startswith("/admin/login/")
    assert "/admin/marketdata/ingestrun/" in log_in("operator")[0].get("/").content.decode()


@pytest.mark.parametrize("address", ["/api/market-data/", "/api/market-data/mnq/ohlcv-1m/bars", "/api/ingest-runs/1/"])
def test_an_account_without_rights_changes_nothing_over_the_api(address):
    client, _ = log_in("analyst")
    for method in ("post", "put", "patch", "delete"):
        assert getattr(client, method)(address).status_code in (403, 405)


@pytest.mark.parametrize(
    ("username", "password"),
    [("analyst", "wrong"), ("former", PASSWORD), ("nothing", PASSWORD), ("", ""), ("a\0", "b")],
)
def test_others_get_a_sentence(username, password):
    client, response = log_in(username, password)
    page = response.content.decode()
    assert response.status_code == 200
    assert 'role="alert"' in page
    assert client.get("/").status_code == 302


def test_a_page_leads_to_the_login_and_back():
    address = "/series/mnq/?timeframe=1h&before=7"
    client = Client()
    login = client.get(address).url
    assert login.startswith("/login/?next=")
    page = client.get(login).content.decode()
    assert 'name="next" value="/series/mnq/?timeframe=1h&amp;before=7"' in page
    response = client.post(login, {"username": "analyst", "password": PASSWORD})
    assert response.url == address
    assert client.get("/login/").url == "/"


@pytest.mark.parametrize(
    "target", ["https://example.com/", "//example.com", "javascript:alert(1)", "https:///example.com"]
)
def test_the_login_leads_to_no_other_site(target):
    for fields in ({"query": f"?next={target}"}, {"next": target}):
        assert log_in("analyst", **fields)[1].url == "/"
    assert target not in Client().get(f"/login/?next={target}").content.decode()


def test_a_logout_leads_to_the_login():
    client, _ = log_in("analyst")
    assert 'action="/logout/"' in client.get("/").content.decode()
    assert client.get("/logout/").status_code == 405
    assert client.post("/logout/").url == "/login/"
    assert client.get("/").status_code == 302


def test_an_account_that_was_deactivated_reads_no_more():
    client, _ = log_in("analyst")
    get_user_model().objects.filter(username="analyst").update(is_active=False)
    assert client.get("/").status_code == 302
    assert client.get(API[0]).status_code == 401


def test_failed_logins_wait_on_both_login_pages():
    for _ in range(5):
        assert log_in("analyst", "wrong")[1].status_code == 200
    _, refused = log_in("analyst")
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "10")
    assert "Too many failed logins from your address: wait 10 seconds, then try again." in refused.content.decode()
    form = {"username": "analyst", "password": PASSWORD}
    assert Client(REMOTE_ADDR=HERE).post("/admin/login/", form).status_code == 429
    assert log_in("analyst", address=ELSEWHERE)[1].status_code == 302


def test_the_form_is_protected_from_other_sites():
    client = Client(enforce_csrf_checks=True)
    assert client.post("/login/", {"username": "analyst", "password": PASSWORD}).status_code == 403


def test_an_account_that_reads_is_created_in_the_admin():
    operator = log_in("operator")[0]
    form = {"username": "visitor", "usable_password": "true", "password1": PASSWORD, "password2": PASSWORD}
    assert operator.post("/admin/auth/user/add/", form).status_code == 302
    client, _ = log_in("visitor")
    assert {client.get(address).status_code for address in (*PAGES, *API)} == {200}
    assert client.get("/admin/").status_code == 302
