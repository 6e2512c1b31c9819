"""Query parameters: accepted forms, and the messages of rejected values."""

import pytest

BARS = "/api/market-data/mnq/ohlcv-1m/bars"
CANDLES = "/api/market-data/mnq/ohlcv-1h/bars"
COVERAGE = "/api/market-data/mnq/coverage"
RUNS = "/api/ingest-runs/"


def test_offsets_and_dates_without_a_time_are_parsed(reader, records):
    assert len(reader.get(BARS, {"start": "2024-01-01T18:01:00-06:00"}).json()["bars"]) == 11
    assert reader.get(f"{BARS}?start=2024-01-02T00:01:00+00:00").json()["bars"][0]["ts"][14:16] == "01"
    assert reader.get(BARS, {"end": "2024-01-02"}).json()["bars"] == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"start": "yesterday"}, "start"),
        ({"start": "2024-02-30"}, "start"),
        ({"end": "2024-01-01T25:00"}, "end"),
        ({"start": "2024-01-02", "end": "2024-01-01"}, "end"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1000000000"}, "limit"),
        ({"limit": "many"}, "limit"),
        ({"order": "up"}, "order"),
        ({"format": "xls"}, "format"),
        ({"format": "csv", "limit": "5"}, "limit"),
        ({"cursor": "x"}, "cursor"),
        ({"page": "2"}, "page"),
        ({"start": "\x00"}, "start"),
    ],
)
def test_errors_are_reported_by_parameter(reader, records, parameters, field):
    response = reader.get(BARS, parameters)
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert response.json()[field][0].endswith(".")


@pytest.mark.parametrize(
    ("address", "parameters", "message"),
    [
        (BARS, {"order": "up"}, "'up' is not one of asc, desc."),
        (BARS, {"format": "xls"}, "'xls' is not one of json, csv, parquet."),
        (BARS, {"format": ""}, "'' is not one of json, csv, parquet."),
        (RUNS, {"status": "bad"}, "'bad' is not one of running, success, failed."),
        (RUNS, {"ordering": "size"}, "'size' is not one of id, started_at, finished_at, row_count, inserted_count, "),
    ],
)
def test_an_unknown_value_is_answered_with_the_known_ones(reader, records, address, parameters, message):
    (errors,) = reader.get(address, parameters).json().values()
    assert errors[0].startswith(message)


@pytest.mark.parametrize("parameters", [{"limit": 0}, {"order": "up"}, {"as_of": "2024-01-02"}, {"start": "x"}])
def test_parameters_of_candles_are_checked(reader, records, parameters):
    assert reader.get(CANDLES, parameters).status_code == 400


@pytest.mark.parametrize("address", [COVERAGE, RUNS, "/api/market-data/", "/api/market-data/mnq/ohlcv-1m/stats"])
def test_unknown_parameters_are_rejected_by_every_endpoint(reader, records, address):
    assert reader.get(address, {"bogus": "1"}).status_code == 400


def test_an_unknown_parameter_is_answered_with_the_known_ones(reader, records):
    assert reader.get(COVERAGE, {"bogus": "1"}).json() == {"bogus": ["There is no such parameter. Known: start, end."]}
    assert reader.get("/api/market-data/", {"bogus": "1"}).json() == {
        "bogus": ["There is no such parameter. This endpoint has no parameters."]
    }


def test_a_future_time_is_rejected(reader, records):
    assert reader.get(BARS, {"as_of": "9000-01-01"}).json() == {
        "as_of": ["This time is in the future: leave it out for the current bars."]
    }
