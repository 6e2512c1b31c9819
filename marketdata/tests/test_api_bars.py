"""Bars and runs over REST, asked over HTTP with a real table behind."""

import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pyarrow import parquet

from ingestion.tests.builders import bars, exact, ingest, together, write
from marketdata.models import IngestRun, Series

BARS = "/api/market-data/mnq/ohlcv-1m/bars"
COVERAGE = "/api/market-data/mnq/coverage"
RUNS = "/api/ingest-runs/"


@pytest.fixture
def reader(market_db, client):
    """A client that is logged in with an API token, as a program would be."""
    out = io.StringIO()
    call_command("make_api_token", "research", stdout=out)
    client.defaults["HTTP_AUTHORIZATION"] = f"Token {out.getvalue().strip()}"
    yield client
    get_user_model().objects.filter(username="research").delete()


@pytest.fixture
def records(tmp_path):
    """Twelve bars with a hole of five minutes between the first seven and the rest."""
    written = together(bars(7), bars(5, first=12))
    ingest(write(tmp_path / "mnq.dbn.zst", written))
    return written


def _as_stored(body: dict) -> dict:
    return {
        datetime.fromisoformat(bar["ts"]): (
            *(Decimal(bar[name]) for name in ("open", "high", "low", "close")),
            Decimal(bar["volume"]),
        )
        for bar in body["bars"]
    }


def _all_pages(client, **parameters) -> list[dict]:
    bodies = [client.get(BARS, parameters).json()]
    while bodies[-1]["next"]:
        bodies.append(client.get(bodies[-1]["next"]).json())
    return bodies


@pytest.mark.parametrize("address", [BARS, COVERAGE, RUNS, f"{RUNS}1/", "/api/market-data/"])
def test_bars_and_runs_need_a_login_or_a_token(market_db, client, address):
    assert client.get(address).status_code == 401


def test_bars_come_exactly_and_name_their_run(reader, records):
    body = reader.get(BARS).json()
    assert _as_stored(body) == exact(records)
    assert {bar["run_id"] for bar in body["bars"]} == {IngestRun.objects.get().pk}
    assert body["bars"][0] == {
        "ts": "2024-01-02T00:00:00+00:00",
        "open": "16799.75",
        "high": "16800.5",
        "low": "16799.25",
        "close": "16800",
        "volume": 100,
        "run_id": body["bars"][0]["run_id"],
    }


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 3, 4, 12, 13])
def test_pages_hold_every_bar_once_in_order(reader, records, order, limit):
    bodies = _all_pages(reader, limit=limit, order=order)
    times = [bar["ts"] for body in bodies for bar in body["bars"]]
    assert times == sorted(times, reverse=order == "desc")
    assert len(times) == len(set(times)) == 12
    assert all(len(body["bars"]) == limit for body in bodies[:-1])
    assert bodies[-1]["bars"]


def test_the_range_is_half_open(reader, records):
    body = reader.get(BARS, {"start": "2024-01-02T00:01:00Z", "end": "2024-01-02T00:03:00+00:00"}).json()
    assert [bar["ts"][14:16] for bar in body["bars"]] == ["01", "02"]


def test_an_offset_and_a_bare_date_are_understood(reader, records):
    assert len(reader.get(BARS, {"start": "2024-01-01T18:01:00-06:00"}).json()["bars"]) == 11
    assert reader.get(f"{BARS}?start=2024-01-02T00:01:00+00:00").json()["bars"][0]["ts"][14:16] == "01"
    assert reader.get(BARS, {"end": "2024-01-02"}).json()["bars"] == []


def test_a_late_page_is_found_by_the_key(reader, records):
    with CaptureQueriesContext(
        connection,
    ) as queries:
        reader.get(BARS, {"cursor": "2024-01-02T00:12:00+00:00", "limit": 2})
    sql = next(query["sql"] for query in queries if "market_bars" in query["sql"])
    assert "OFFSET" not in sql


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
def test_bad_input_is_told_by_field(reader, records, parameters, field):
    response = reader.get(BARS, parameters)
    assert response.status_code == 400
    assert list(response.json()) == [field]
    assert response.json()[field][0].endswith(".")


@pytest.mark.parametrize(
    ("address", "parameters", "sentence"),
    [
        (BARS, {"order": "up"}, "'up' is not one of asc, desc."),
        (BARS, {"format": "xls"}, "'xls' is not one of json, csv, parquet."),
        (BARS, {"format": ""}, "'' is not one of json, csv, parquet."),
        (RUNS, {"status": "bad"}, "'bad' is not one of running, success, failed."),
        (RUNS, {"ordering": "size"}, "'size' is not one of id, started_at, finished_at, row_count, inserted_count, "),
    ],
)
def test_a_word_that_is_not_known_is_told_the_known_ones(reader, records, address, parameters, sentence):
    (said,) = reader.get(address, parameters).json().values()
    assert said[0].startswith(sentence)


@pytest.mark.parametrize("address", [COVERAGE, RUNS, "/api/market-data/", "/api/market-data/mnq/ohlcv-1m/stats"])
def test_unknown_parameters_are_refused_everywhere(reader, records, address):
    assert reader.get(address, {"bogus": "1"}).status_code == 400


def test_csv_holds_the_whole_range(reader, records):
    response = reader.get(BARS, {"format": "csv", "start": "2024-01-02T00:05:00Z"})
    lines = b"".join(response.streaming_content).decode().splitlines()
    assert lines[0] == "symbol,ts,open,high,low,close,volume,run_id"
    assert len(lines) == 1 + 7
    assert lines[1].startswith("CME_MINI:MNQ1!,2024-01-02T00:05:00+00:00,16801,16801.75,16800.5,16801.25,105,")


@pytest.mark.parametrize("rows_per_block", [1, 5, 20_000])
def test_parquet_holds_the_whole_range_exactly(reader, records, monkeypatch, rows_per_block):
    monkeypatch.setattr("marketdata.selectors.EXPORT_ROWS", rows_per_block)
    response = reader.get(BARS, {"format": "parquet"})
    table = parquet.read_table(io.BytesIO(b"".join(response.streaming_content))).to_pylist()
    names = ("open", "high", "low", "close", "volume")
    assert {row["ts"].astimezone(UTC): tuple(Decimal(row[name]) for name in names) for row in table} == exact(records)


def test_an_empty_range_is_a_valid_file(reader, records):
    for kind in ("csv", "parquet"):
        response = reader.get(BARS, {"format": kind, "start": "2030-01-01"})
        content = b"".join(response.streaming_content)
        rows = len(content.splitlines()) - 1 if kind == "csv" else parquet.read_table(io.BytesIO(content)).num_rows
        assert rows == 0


def test_a_poll_of_what_has_not_changed_costs_no_body(reader, records, tmp_path):
    first = reader.get(BARS)
    again = reader.get(BARS, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    ingest(write(tmp_path / "more.dbn", bars(1, first=40)))
    assert reader.get(BARS, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_runs_can_be_filtered_and_read_whole(reader, records, tmp_path):
    bad = tmp_path / "bad.dbn"
    bad.write_bytes(b"rubbish, not market data")
    with pytest.raises(Exception, match="not a DBN file"):
        ingest(bad)
    body = reader.get(RUNS, {"status": "failed"}).json()
    assert (body["count"], body["results"][0]["file_name"]) == (1, "bad.dbn")
    one = reader.get(f"{RUNS}{body['results'][0]['id']}/").json()
    assert set(one) == {field.name for field in IngestRun._meta.concrete_fields} | {"undone_by"}
    assert one["kind"] == "file"
    assert "not a DBN file" in one["error"]
    assert reader.get(RUNS, {"series": "mnq", "ordering": "row_count"}).json()["count"] == 1
    assert reader.get(RUNS, {"series": "nope"}).status_code == 404
    cut = write(tmp_path / "cut.dbn", bars(3))
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(Exception, match="cut off"):
        ingest(cut)
    body = reader.get(RUNS, {"series": "mnq", "status": "failed"}).json()
    assert [run["file_name"] for run in body["results"]] == ["cut.dbn"]
    assert reader.get(RUNS, {"ordering": "password"}).status_code == 400
    assert reader.get(f"{RUNS}999/").status_code == 404


def test_the_last_run_of_a_series_is_found_behind_any_number_of_others(reader, records):
    [before] = reader.get("/api/market-data/").json()
    other = {"file_name": "f", "file_path": "f", "status": "failed", "error": "cut", "symbols": ["OTHER"]}
    moments = {"started_at": timezone.now(), "finished_at": timezone.now()}
    IngestRun.objects.bulk_create(IngestRun(**other, **moments) for _ in range(150))
    Series.objects.create(slug="other", symbol="OTHER")
    Series.objects.create(slug="none", symbol="NONE")
    told = {one["slug"]: one["last_run"] for one in reader.get("/api/market-data/").json()}
    assert told["mnq"] == before["last_run"]
    assert told["other"]["id"] == IngestRun.objects.latest("pk").pk
    assert told["none"] is None


def test_the_list_of_series_tells_the_last_run(reader, records):
    body = reader.get("/api/market-data/").json()
    assert [(one["slug"], one["bars"], one["last_run"]["status"]) for one in body] == [("mnq", 12, "success")]
    assert body[0]["freshness"].endswith("ago")


def test_throttled_clients_are_told_when_to_come_back(market_db, client, monkeypatch):
    from django.core.cache import cache
    from rest_framework.throttling import AnonRateThrottle

    cache.clear()
    monkeypatch.setattr(AnonRateThrottle, "rate", "2/min", raising=False)
    monkeypatch.setattr(AnonRateThrottle, "THROTTLE_RATES", {"anon": "2/min"})
    responses = [client.get("/api/market-data/mnq/ohlcv-1m/stats") for _ in range(3)]
    cache.clear()
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert timedelta(0) < timedelta(seconds=int(responses[-1]["Retry-After"])) <= timedelta(minutes=1)


def test_the_description_of_the_api_is_valid(market_db, client):
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())
    assert client.get("/api/docs/").status_code == 200
    assert b"https://" not in client.get("/api/docs/").content


@pytest.mark.parametrize("public", [True, False])
def test_only_what_needs_a_login_is_described_with_one(market_db, client, settings, public):
    settings.PUBLIC_STATS = public
    described = json.loads(client.get("/api/schema/", HTTP_ACCEPT="application/vnd.oai.openapi+json").content)
    assert "[Barkeep](/)" in described["info"]["description"]
    open_to_all = {path for path, methods in described["paths"].items() if "security" not in methods["get"]}
    stats = {path for path in described["paths"] if path.rstrip("/").endswith("/stats")}
    assert len(stats) == 2
    assert open_to_all == (stats if public else set())
