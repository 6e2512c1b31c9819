"""The OpenAPI description and the docs page."""

import io
import json

import pytest
from django.core.management import call_command
from django.test import Client

from marketdata.tests.api.contract import ACTIONS, list_operations


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
    assert "read-only" not in schema["info"]["description"]  # findings can be acknowledged
    without_authentication = {path for path, one in list_operations(schema).items() if "security" not in one}
    assert all("security" in one for one in list_operations(schema, "post").values())
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


def test_every_operation_describes_its_responses(market_db, client):
    for path, operation in list_operations(read_schema(client)).items():
        responses = operation["responses"]
        is_stream = path.endswith("/stream/")
        expected = {"200", "400", "401", "406", "429", "503"} | (set() if is_stream else {"304"})
        expected |= {"404"} if path not in ("/api/market-data/", "/api/feeds/") else set()
        expected |= {"300", "307"} if "{slug}" in path else set()
        expected |= {"409"} if "coverage" in path or "gaps" in path or "{timeframe}" in path else set()
        assert set(responses) == expected
        assert "{slug}" not in path or set(responses["307"]["headers"]) == {"Location"}
        assert {"Retry-After"} == set(responses["429"]["headers"]) == set(responses["503"]["headers"])
        if is_stream:
            assert responses["200"]["content"]["text/event-stream"]["schema"] == {"type": "string"}
            continue
        described = responses["200"]["content"]["application/json"]["schema"]
        assert "$ref" in described or "$ref" in described["items"]


def test_only_actions_on_findings_have_a_body(market_db, client):
    schema = read_schema(client)
    operations = list_operations(schema, "post")
    assert set(operations) == {f"/api/quality/findings/{{id}}/{action}/" for action in ACTIONS}
    assert {method for methods in schema["paths"].values() for method in methods} == {"get", "post"}
    for operation in operations.values():
        assert set(operation["responses"]) == {"200", "400", "401", "403", "404", "406", "415", "429", "503"}
        assert "read-write" in operation["description"]


def test_pages_are_objects_and_the_list_of_series_is_an_array(market_db, client):
    schema = read_schema(client)
    bodies = {
        path: operation["responses"]["200"]["content"]["application/json"]["schema"]
        for path, operation in list_operations(schema).items()
        if not path.endswith("/stream/")
    }
    assert bodies["/api/market-data/"] == {"type": "array", "items": {"$ref": "#/components/schemas/SeriesSummary"}}
    runs = schema["components"]["schemas"][bodies["/api/ingest-runs/"]["$ref"].rsplit("/", 1)[1]]
    assert (runs["type"], runs["required"]) == ("object", ["count", "results"])
    assert runs["properties"]["results"]["items"] == {"$ref": "#/components/schemas/IngestRun"}


def test_a_page_of_findings_is_an_object(market_db, client):
    schema = read_schema(client)
    operation = schema["paths"]["/api/quality/findings/"]["get"]
    body = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert operation["operationId"] == "quality_findings_list"
    assert body == {"$ref": "#/components/schemas/FindingsPage"}


def test_bars_and_candles_are_described_as_files(market_db, client):
    for path, operation in list_operations(read_schema(client)).items():
        content = operation["responses"]["200"]["content"]
        if path.endswith("/bars/"):
            assert content["text/csv"]["schema"] == {"type": "string"}
            assert content["application/vnd.apache.parquet"]["schema"] == {"type": "string", "format": "binary"}
        else:
            assert list(content) == ["text/event-stream" if path.endswith("/stream/") else "application/json"]


def test_parameters_that_files_reject_have_no_described_default(market_db, client):
    """Generated clients send described defaults."""
    for path, operation in list_operations(read_schema(client)).items():
        if path.endswith("/bars/"):
            parameters = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
            assert not any("default" in parameters[name] for name in ("limit", "order", "cursor", "format"))


def test_every_parameter_is_described(market_db, client):
    schema = read_schema(client)
    for operation in (*list_operations(schema).values(), *list_operations(schema, "post").values()):
        assert [one["name"] for one in operation.get("parameters", ()) if not one.get("description")] == []


def test_the_filters_of_the_list_are_described_with_examples(market_db, client):
    operation = read_schema(client)["paths"]["/api/market-data/"]["get"]
    filters = {parameter["name"]: parameter["schema"] for parameter in operation["parameters"]}
    assert filters["product"] == {"type": "string", "minLength": 1, "example": "NQ"}
    assert filters["kind"]["enum"] == ["outright", "spread", "option", "equity", "continuous", "other"]
    assert filters["active"] == {"type": "boolean"}
    assert not any("default" in schema for schema in filters.values())  # generated clients send described defaults
    [example] = operation["responses"]["200"]["content"]["application/json"]["examples"].values()
    assert example["value"][0]["contract"]["root"] == "NQ"


def test_clients_keep_the_name_of_the_kind_of_a_run(market_db, client):
    """The kind of a contract is another enumeration."""
    schemas = read_schema(client)["components"]["schemas"]
    assert schemas["KindEnum"]["enum"] == ["file", "undo", "split", "history", "live"]
    assert "outright" in schemas["ContractKindEnum"]["enum"]
    assert "spike" in schemas["FindingKindEnum"]["enum"]
    assert schemas["FindingStateEnum"]["enum"] == ["open", "acknowledged", "resolved"]
