"""No parameter of a request reaches a header of the response, except in the address of a redirect."""

import itertools
from urllib.parse import urlencode

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from rest_framework.throttling import SimpleRateThrottle

from config.testing.builders import bars, ingest, write
from config.testing.rows import QUALITY, insert
from marketdata.models import Series

NAMES = (
    *("lang", "language", "version", "filename", "name", "title", "script", "format", "next", "content_type", "type"),
    *("callback", "url", "charset", "download", "encoding", "q", "page", "before", "limit", "order", "cursor", "start"),
)
VALUES = ('marker"; filename="other.exe', "marker\r\nSet-Cookie: forged=1", "marker\0", "marker ü \u2028")
SERIES = "/api/market-data/mnq"
ADDRESSES = (
    *("/", "/series/mnq/", "/series/MNQ/", "/runs/1/", "/login/", "/nope", "/healthz", "/readyz", "/favicon.ico"),
    *("/api/", "/api/docs", "/api/docs/", "/api/schema", "/api/schema/", "/api/nope", "/api/market-data/"),
    *(f"{SERIES}/ohlcv-1m/{name}" for name in ("stats", "bars", "revisions")),
    *(f"{SERIES}/ohlcv-1d/bars", f"{SERIES}/coverage", "/api/ingest-runs/", "/api/ingest-runs/1/", "/api/feeds/"),
    *("/api/quality/findings/", "/api/quality/findings/1/", "/feeds/", "/quality/", "/quality/1/", "/metrics"),
    *("/admin/", "/admin/login/", "/admin/jsi18n/", "/admin/marketdata/ingestrun/", "/admin/marketdata/browsablebar/"),
)


@pytest.fixture
def readers(market_db, tmp_path, monkeypatch):
    monkeypatch.setattr(SimpleRateThrottle, "THROTTLE_RATES", {"anon": None, "user": None})
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    insert(next(iter(QUALITY)), series_id=Series.objects.get(slug="mnq").pk)
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("header tester"))
    yield client, Client()
    get_user_model().objects.all().delete()


@pytest.mark.slow
@pytest.mark.parametrize("address", ADDRESSES)
def test_no_parameter_reaches_a_header(readers, address):
    for reader, value in itertools.product(readers, VALUES):
        for query in (*(urlencode({name: value}) for name in NAMES), urlencode(dict.fromkeys(NAMES, value))):
            response = reader.get(f"{address}?{query}")
            assert response.status_code < 500
            for name, text in response.headers.items():
                assert "marker" not in text or (name == "Location" and text.isprintable() and text.isascii())


@pytest.mark.parametrize("address", ["/api/docs/?script=", "/api/docs/?"])
@pytest.mark.parametrize("name", ["lang", "version", "x"])
def test_no_parameter_reaches_the_script_of_the_docs(readers, address, name):
    page = readers[0].get(f"{address}&{name}=marker").content.decode()
    assert "marker" not in page
    assert "/api/schema/" in page or "?script=" in page


def test_the_description_has_a_constant_name(readers):
    response = readers[1].get("/api/schema/?version=1.2&lang=de")
    assert response["Content-Disposition"] == f'inline; filename="{settings.SPECTACULAR_SETTINGS["TITLE"]}.yaml"'
