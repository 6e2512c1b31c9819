"""Web servers whose database role may only read: what would write is refused with a plain page, not an error 500."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import connection

from config.testing.builders import bars, ingest, write
from config.testing.database.scratch import temporary_role
from config.testing.processes import database_url
from config.testing.web.pages import create_failed_run
from config.testing.web.server import web_server
from marketdata.models import IngestRun, Series

pytestmark = pytest.mark.slow

PASSWORD = "a-password-of-this-test"
SENTENCE = "The database role of this server may not do this: use a server whose role may write."
SERIES, RUNS = "/admin/marketdata/series/", "/admin/marketdata/ingestrun/"
RIGHTS = {
    "SELECT only": "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}",
    "default_transaction_read_only": "GRANT ALL ON ALL TABLES IN SCHEMA public TO {role};"
    "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {role}; ALTER ROLE {role} SET default_transaction_read_only = on",
}


@pytest.fixture(params=RIGHTS.values(), ids=RIGHTS)
def url(request, market_db) -> Iterator[str]:
    """The test database's URL of a role that may only read."""
    settings = connection.settings_dict
    with temporary_role("reader") as role:
        with connection.cursor() as cursor:
            cursor.execute(request.param.format(role=role))
        yield database_url().replace(f"//{settings['USER']}@", f"//{role}@")


@pytest.fixture
def client(url, tmp_path) -> Iterator[httpx.Client]:
    """A superuser's browser at such a server, with a successful and a failed run. The password was hashed with fewer
    iterations than the server's hasher has, as by an older version of Django."""
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    create_failed_run()
    owner = get_user_model().objects.create_superuser("owner", password=PASSWORD)
    try:
        with web_server(url) as address, httpx.Client(base_url=address, timeout=30) as client:
            assert post(client, "/login/", username="owner", password=PASSWORD).status_code == 302
            yield client
    finally:
        owner.delete()
        Group.objects.all().delete()


def post(client: httpx.Client, address: str, **values: object) -> httpx.Response:
    if "csrftoken" not in client.cookies:
        client.get("/login/")
    values["csrfmiddlewaretoken"] = client.cookies["csrftoken"]
    return client.post(address, data=values)


def test_forms_of_the_admin_are_refused_and_pages_are_read(client):
    group, series = Group.objects.create(name="a group"), Series.objects.create(slug="spare", symbol="SPARE")
    user = get_user_model().objects.get()
    posts = {
        f"{SERIES}add/": {"slug": "new", "symbol": "NEW", "vendor": "databento", "dataset": "GLBX.MDP3"},
        f"{SERIES}{series.pk}/delete/": {"post": "yes"},
        "/admin/auth/group/add/": {"name": "another group"},
        f"/admin/auth/group/{group.pk}/delete/": {"post": "yes"},
        "/admin/auth/group/": {"action": "delete_selected", "_selected_action": group.pk, "post": "yes"},
        "/admin/auth/user/add/": {"username": "x", "password1": "a-long-word-1", "password2": "a-long-word-1"},
        f"/admin/auth/user/{user.pk}/password/": {"password1": "a-long-word-1", "password2": "a-long-word-1"},
        RUNS: {"action": "try_again", "_selected_action": 2},
    }
    for address, values in posts.items():
        response = post(client, address, **values)
        assert (address, response.status_code, SENTENCE in response.text) == (address, 403, True)
        assert "Traceback" not in response.text
    for address in ("/", "/runs/1/", "/runs/2/", "/series/mnq/", SERIES, RUNS, f"{RUNS}2/change/", "/admin/auth/user/"):
        assert (address, client.get(address).status_code) == (address, 200)
    assert IngestRun.objects.count() == 2
    assert not Series.objects.filter(slug="new").exists()


def test_actions_of_pages_are_refused_with_a_sentence(client):
    for address in ("/runs/1/undo/", "/runs/2/retry/", "/runs/2/dismiss/"):
        response = post(client, address, reason="known")
        assert (address, response.status_code) == (address, 302)
        assert (
            "This database may only be read, so nothing was requested" in client.get(response.headers["Location"]).text
        )
    assert post(client, "/logout/").status_code == 302
