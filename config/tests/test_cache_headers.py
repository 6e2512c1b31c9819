"""What each response permits caches to do."""

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from config.testing.builders import bars, ingest, write
from config.testing.rows import QUALITY, insert
from marketdata.access.tokens import issue_token
from marketdata.models import Series

SERIES = "/api/market-data/mnq"
DATA = (
    *("/api/market-data/", "/api/ingest-runs/", "/api/ingest-runs/1/", "/api/feeds/", f"{SERIES}/coverage"),
    *("/api/quality/findings/", "/api/quality/findings/1/", "/api/quality/findings/?kind=no"),
    *(f"{SERIES}/ohlcv-1m/{name}" for name in ("bars", "stats", "revisions", "bars?format=csv", "bars?format=parquet")),
    *(f"{SERIES}/ohlcv-1d/{name}" for name in ("bars", "stats", "bars?format=csv")),
    *(
        "/api/schema/",
        "/api/docs/",
        "/api/docs/?script=",
        "/api/nope",
        f"{SERIES}/ohlcv-1m/bars?limit=no",
        "/api/schema",
    ),
)
PAGES = (
    "/",
    "/series/mnq/",
    "/series/nope/",
    "/runs/1/",
    "/runs/9/",
    "/feeds/",
    "/quality/",
    "/quality/1/",
    "/login/",
    "/nope",
    "/admin/",
    "/admin/auth/user/",
)


@pytest.fixture
def client(market_db, tmp_path, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None})
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    insert(next(iter(QUALITY)), series_id=Series.objects.get(slug="mnq").pk)
    user = get_user_model().objects.create_superuser("header tester")
    client = Client()
    client.force_login(user)
    yield client
    get_user_model().objects.all().delete()


def split(header: str) -> set[str]:
    return {part.strip().lower() for part in header.split(",")}


def check_private(response):
    assert split(response["Cache-Control"]) == {"private"}
    assert split(response["Vary"]) >= {"accept", "authorization", "cookie"}


@pytest.mark.parametrize("address", DATA)
def test_only_the_client_may_keep_an_answer_of_the_api(client, address):
    program = Client(headers={"Authorization": f"Token {issue_token(name='notebook')}"})
    for reader in (client, program, Client()):
        for method in ("get", "head"):
            check_private(getattr(reader, method)(address))


def test_an_answer_that_did_not_change_is_private_too(client):
    first = client.get("/api/market-data/")
    second = client.get("/api/market-data/", headers={"If-None-Match": first["ETag"]})
    assert second.status_code == 304
    check_private(second)


@pytest.mark.parametrize("address", PAGES)
def test_no_page_is_kept(client, address):
    for reader in (client, Client()):
        response = reader.get(address)
        assert "no-store" in split(response["Cache-Control"])
        assert "cookie" in split(response["Vary"])


def test_a_refused_form_is_not_kept(client):
    response = Client(enforce_csrf_checks=True).post("/login/", {})
    assert (response.status_code, "no-store" in split(response["Cache-Control"])) == (403, True)


def test_static_files_may_be_kept(client):
    response = client.get(f"/{settings.STATIC_URL.strip('/')}/marketdata/css/base.css")
    response.close()
    assert (response.status_code, "no-store" in response["Cache-Control"]) == (200, False)
