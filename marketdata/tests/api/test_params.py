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
        (BARS, {"format": "xls"}, "'xls' is not one of json, csv, parquet, arrow."),
        (BARS, {"format": ""}, "'' is not one of json, csv, parquet, arrow."),
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
    assert reader.get(COVERAGE, {"bogus": "1"}).json() == {
        "bogus": ["There is no such parameter. Known: start, end, session."]
    }
    assert reader.get(f"{BARS[:-4]}stats", {"bogus": "1"}).json() == {
        "bogus": ["There is no such parameter. This endpoint has no parameters."]
    }


def test_a_future_time_is_rejected(reader, records):
    assert reader.get(BARS, {"as_of": "9000-01-01"}).json() == {
        "as_of": ["This time is in the future: leave it out for the current bars."]
    }


@pytest.mark.parametrize(
    ("address", "query"),
    [
        (BARS, "start=2024-01-01&start=2024-01-02"),
        (BARS, "limit=5&limit=5"),
        (BARS, "format=csv&format=json"),
        (CANDLES, "order=asc&order=desc"),
        (COVERAGE, "end=2024-01-01&end="),
        (f"{BARS[:-4]}revisions", "ts=2024-01-02&ts=2024-01-03"),
        (RUNS, "status=failed&status=success"),
        (RUNS, "limit=1&limit=2"),
    ],
)
def test_a_repeated_parameter_is_rejected(reader, records, address, query):
    response = reader.get(f"{address}?{query}")
    name = query.partition("=")[0]
    assert response.status_code == 400
    assert response.json() == {name: ["This parameter occurs 2 times: give it once."]}


def test_all_repeated_parameters_are_named(reader, records):
    body = reader.get(f"{BARS}?limit=1&order=asc&order=asc&limit=2&limit=3&start=x").json()
    assert body == {
        "limit": ["This parameter occurs 3 times: give it once."],
        "order": ["This parameter occurs 2 times: give it once."],
    }


@pytest.mark.parametrize("address", [BARS, CANDLES, RUNS])
@pytest.mark.parametrize("text", ["1_0", "5.0", "+5", " 5", "５", "1e1", "0x5", "", "\x00", "9" * 30, "9" * 5000])
def test_a_number_is_digits(reader, records, address, text):
    response = reader.get(address, {"limit": text})
    assert (response.status_code, list(response.json())) == (400, ["limit"])


@pytest.mark.parametrize("name", ["status", "series", "dataset", "file_sha256", "ordering", "limit", "offset"])
@pytest.mark.parametrize("text", ["", "\x00", "a\x00b"])
def test_filters_of_runs_are_checked(reader, records, name, text):
    response = reader.get(RUNS, {name: text})
    assert (response.status_code, list(response.json())) == (400, [name])


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-02T00:05:00.0000001Z",  # finer than the microseconds of PostgreSQL
        "2024-01-02T00:05:00,1234567",
        "2024-01-02T23:59:60",
        "2024-01-02T24:00",
        "2024-13-01",
        "2023-02-29",
        "0000-01-01",
        "0001-01-01T00:00+14:00",
        "9999-12-31T23:59-14:00",
        "1704153600",
        "-2024-01-02",
        "now",
        "infinity",
        "\x00",
        "",
    ],
)
@pytest.mark.parametrize("name", ["start", "end", "cursor", "as_of"])
def test_what_is_no_time_is_rejected(reader, records, name, text):
    response = reader.get(BARS, {name: text})
    assert (response.status_code, list(response.json())) == (400, [name])


def test_nanoseconds_that_are_zero_are_accepted(reader, records):
    assert reader.get(BARS, {"start": "2024-01-02T00:05:00.000000000Z"}).json()["bars"][0]["ts"][14:16] == "05"
