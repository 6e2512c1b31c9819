"""The OpenAPI description and the docs page."""

import io
import json

import pytest
from django.core.management import call_command
from django.test import Client


def read_schema(client: Client) -> dict:
    return json.loads(client.get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").content)


def test_the_description_is_valid(market_db, client):
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())


def test_the_docs_page_loads_nothing_from_other_hosts(market_db, client):
    page = client.get("/api/docs/")
    assert page.status_code == 200
    assert b"https://" not in page.content


@pytest.mark.parametrize("public", [True, False])
def test_only_endpoints_with_authentication_declare_it(market_db, client, settings, public):
    settings.PUBLIC_STATS = public
    schema = read_schema(client)
    assert "[Barkeep](/)" in schema["info"]["description"]
    without_authentication = {path for path, methods in schema["paths"].items() if "security" not in methods["get"]}
    stats = {path for path in schema["paths"] if path.rstrip("/").endswith("/stats")}
    assert len(stats) == 2
    assert without_authentication == (stats if public else set())


def test_bounds_of_column_types_are_removed_and_others_stay(market_db, client):
    schema = read_schema(client)
    text = json.dumps(schema)
    for bound in (2**63, 2**63 - 1, 2**31, 2**31 - 1):
        assert str(bound) not in text
    run = schema["components"]["schemas"]["IngestRun"]["properties"]
    assert run["row_count"]["format"] == "int64"
    bars = schema["paths"]["/api/market-data/{slug}/ohlcv-1m/bars/"]["get"]["parameters"]
    [limit] = [parameter["schema"] for parameter in bars if parameter["name"] == "limit"]
    assert (limit["minimum"], limit["maximum"]) == (1, 10_000)
