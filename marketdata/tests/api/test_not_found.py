"""What a client is told that asks for an address which there is not."""

import pytest
from django.urls import resolve

OF_MNQ = [
    "/api/market-data/mnq/ohlcv-1m/stats",
    "/api/market-data/mnq/ohlcv-1m/bars",
    "/api/market-data/mnq/ohlcv-1m/revisions",
    "/api/market-data/mnq/ohlcv-<timeframe>/stats",
    "/api/market-data/mnq/ohlcv-<timeframe>/bars",
    "/api/market-data/mnq/coverage",
]
RUNS = ["/api/ingest-runs/", "/api/ingest-runs/<id>/"]
NONE = "There is no such address."


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("address", "sentence", "addresses"),
    [
        ("market-data/mnq", "Say what of the series 'mnq' is wanted.", OF_MNQ),
        (
            "market-data/mnq/ohlcv-5m/revisions",
            "Only minute bars have revisions: candles are made of the bars as they are now.",
            OF_MNQ,
        ),
        ("market-data/mnq/ohlcv-1m", NONE, OF_MNQ),
        ("market-data/mnq/ohlcv-1m/bar", NONE, OF_MNQ),
        ("ingest-runs/abc", "'abc' is not the number of an ingest run.", RUNS),
        ("ingest-runs/-1", "'-1' is not the number of an ingest run.", RUNS),
        (f"ingest-runs/{10**20}", f"'{10**20}' is not the number of an ingest run.", RUNS),
        ("ingest-runs/1/bars", NONE, RUNS),
    ],
)
def test_an_unknown_address_is_told_those_that_may_have_been_meant(client, address, sentence, addresses, slash):
    response = client.get(f"/api/{address}{slash}")
    assert response.status_code == 404
    assert response.headers["Content-Type"] == "application/json"
    assert response.json() == {"detail": sentence, "addresses": addresses}


@pytest.mark.parametrize("address", ["nope", "market_data/mnq", "docs/x", "%00", "v1/"])
def test_elsewhere_all_addresses_are_named(client, address):
    body = client.get(f"/api/{address}").json()
    assert body["detail"] == NONE
    assert body["addresses"][0] == "/api/market-data/"
    assert body["addresses"][-1] == "/api/schema/"
    assert len(body["addresses"]) == 11


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "options"])
def test_whatever_is_asked_of_it_and_by_whom(client, method):
    response = getattr(client, method)("/api/nope", HTTP_AUTHORIZATION="Token no-such-token")
    assert (response.status_code, response.json()["detail"]) == (404, NONE)


@pytest.mark.parametrize("address", ["/api", "/api/", "/api/docs"])
def test_the_way_to_the_description(client, address):
    response = client.get(address, follow=True)
    assert response.redirect_chain[-1][0] == "/api/docs/"
    assert response.status_code == 200


def test_every_address_that_is_named_is_one(client):
    for address in client.get("/api/nope").json()["addresses"]:
        path = address.replace("<slug>", "mnq").replace("<timeframe>", "5m").replace("<id>", "1")
        assert resolve(path).url_name
