"""Unknown addresses below /api/."""

import json

import pytest
from django.urls import resolve

MNQ_ADDRESSES = [
    "/api/market-data/mnq/ohlcv-1m/stats",
    "/api/market-data/mnq/ohlcv-1m/bars",
    "/api/market-data/mnq/ohlcv-1m/stream",
    "/api/market-data/mnq/ohlcv-1m/revisions",
    "/api/market-data/mnq/ohlcv-<timeframe>/stats",
    "/api/market-data/mnq/ohlcv-<timeframe>/bars",
    "/api/market-data/mnq/ohlcv-<timeframe>/stream",
    "/api/market-data/mnq/coverage",
    "/api/market-data/mnq/gaps",
]
FINDINGS = [
    "/api/quality/findings/",
    "/api/quality/findings/<id>/",
    "/api/quality/findings/<id>/acknowledge/",
    "/api/quality/findings/<id>/resolve/",
    "/api/quality/findings/<id>/reopen/",
]
RUNS = ["/api/ingest-runs/", "/api/ingest-runs/<id>/"]
NONE = "There is no such address."


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("address", "detail", "addresses"),
    [
        (
            "market-data/mnq",
            "The address of series 'mnq' is incomplete: use one of the addresses below.",
            MNQ_ADDRESSES,
        ),
        (
            "market-data/mnq/ohlcv-5m/revisions",
            "Only minute bars have revisions: candles are computed from the current bars.",
            MNQ_ADDRESSES,
        ),
        ("market-data/mnq/ohlcv-1m", NONE, MNQ_ADDRESSES),
        ("market-data/mnq/ohlcv-1m/bar", NONE, MNQ_ADDRESSES),
        ("ingest-runs/abc", "'abc' is not the number of an ingest run.", RUNS),
        ("ingest-runs/-1", "'-1' is not the number of an ingest run.", RUNS),
        (f"ingest-runs/{10**20}", f"'{10**20}' is not the number of an ingest run.", RUNS),
        ("ingest-runs/1/bars", NONE, RUNS),
        ("quality/finding", NONE, FINDINGS),
        ("quality/findings/1/close", NONE, FINDINGS),
    ],
)
def test_an_unknown_address_is_answered_with_related_ones(client, address, detail, addresses, slash):
    response = client.get(f"/api/{address}{slash}")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {"detail": detail, "addresses": addresses}


@pytest.mark.parametrize("address", ["nope", "market_data/mnq", "docs/x", "%00", "v1/"])
def test_without_related_addresses_all_are_listed(client, address):
    body = client.get(f"/api/{address}").json()
    assert body["detail"] == NONE
    assert body["addresses"][0] == "/api/market-data/"
    assert body["addresses"][-1] == "/api/schema/"


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_the_answer_is_the_same_for_every_method_and_token(client, method):
    response = getattr(client, method)("/api/nope", HTTP_AUTHORIZATION="Token no-such-token")
    assert (response.status_code, response.json()["detail"]) == (404, NONE)


@pytest.mark.parametrize("address", ["/api", "/api/", "/api/docs"])
def test_short_addresses_redirect_to_the_docs(client, address):
    response = client.get(address, follow=True)
    assert response.redirect_chain[-1][0] == "/api/docs/"
    assert response.status_code == 200


def test_every_listed_address_exists_and_every_described_one_is_listed(client):
    addresses = client.get("/api/nope").json()["addresses"]
    schema = client.get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json")
    described = json.loads(schema.content)["paths"]
    listed = {address.replace("<", "{").replace(">", "}").rstrip("/") for address in addresses}
    assert listed - {"/api/docs", "/api/schema"} == {path.rstrip("/") for path in described}
    for address in addresses:
        path = address.replace("<slug>", "mnq").replace("<timeframe>", "5m").replace("<id>", "1")
        assert resolve(path).url_name
