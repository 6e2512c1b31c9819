"""Content negotiation: the parameter `format`, and the header Accept without it."""

import pytest

BARS = "/api/market-data/mnq/ohlcv-1m/bars"
CANDLES = "/api/market-data/mnq/ohlcv-1h/bars"
JSON, CSV, PARQUET = "application/json", "text/csv", "application/vnd.apache.parquet"


@pytest.mark.parametrize("address", [BARS, CANDLES])
@pytest.mark.parametrize(("name", "media_type"), [("json", JSON), ("csv", CSV), ("parquet", PARQUET)])
@pytest.mark.parametrize("accept", [JSON, CSV, PARQUET, "application/octet-stream", "image/png", "*/*"])
def test_the_parameter_names_the_format_whatever_the_client_accepts(reader, records, address, name, media_type, accept):
    response = reader.get(address, {"format": name}, headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, media_type)


@pytest.mark.parametrize("address", [BARS, CANDLES])
@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        (CSV, CSV),
        (PARQUET, PARQUET),
        ("text/*", CSV),
        ("application/*", JSON),
        (f"{CSV}, */*", CSV),
        (f"{CSV};q=0.5, {JSON}", JSON),
        (f"{CSV}, {JSON};q=0.5", CSV),
        (f"{JSON}, {CSV}", JSON),
        ("text/html,application/xhtml+xml,*/*;q=0.8", JSON),
        ("application/json; indent=4", JSON),
    ],
)
def test_without_the_parameter_the_accepted_format_is_returned(reader, records, address, accept, media_type):
    response = reader.get(address, headers={"Accept": accept})
    assert (response.status_code, response.headers["Content-Type"]) == (200, media_type)
    assert "Accept" in response.headers["Vary"].split(", ")


@pytest.mark.parametrize("accept", ["image/png", "application/octet-stream"])
def test_without_the_parameter_other_formats_are_not_acceptable(reader, records, accept):
    assert reader.get(BARS, headers={"Accept": accept}).status_code == 406


@pytest.mark.parametrize("accept", [CSV, PARQUET])
def test_a_file_by_the_accept_header_has_no_page(reader, records, accept):
    response = reader.get(BARS, {"limit": 5, "order": "asc"}, headers={"Accept": accept})
    assert response.status_code == 400
    assert set(response.json()) == {"limit", "order"}


@pytest.mark.parametrize("accept", [JSON, CSV, "*/*"])
def test_an_unknown_format_is_reported_in_json(reader, records, accept):
    response = reader.get(BARS, {"format": "xls"}, headers={"Accept": accept})
    assert (response.status_code, list(response.json())) == (400, ["format"])
