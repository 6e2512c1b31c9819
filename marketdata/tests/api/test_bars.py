"""Minute bars over REST."""

from datetime import datetime
from decimal import Decimal

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from config.testing.builders import bars, exact, ingest, write
from marketdata.models import IngestRun

BARS = "/api/market-data/mnq/ohlcv-1m/bars"


def parse_bars(body: dict) -> dict:
    return {
        datetime.fromisoformat(bar["ts"]): (
            *(Decimal(bar[name]) for name in ("open", "high", "low", "close")),
            Decimal(bar["volume"]),
        )
        for bar in body["bars"]
    }


def read_all_pages(client: Client, **parameters) -> list[dict]:
    bodies = [client.get(BARS, parameters).json()]
    while bodies[-1]["next"]:
        bodies.append(client.get(bodies[-1]["next"]).json())
    return bodies


def test_bars_require_authentication(market_db, client):
    assert client.get(BARS).status_code == 401


def test_bars_are_exact_and_name_their_run(reader, records):
    body = reader.get(BARS).json()
    assert parse_bars(body) == exact(records)
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
def test_pages_contain_every_bar_once_in_order(reader, records, order, limit):
    bodies = read_all_pages(reader, limit=limit, order=order)
    times = [bar["ts"] for body in bodies for bar in body["bars"]]
    assert times == sorted(times, reverse=order == "desc")
    assert len(times) == len(set(times)) == 12
    assert all(len(body["bars"]) == limit for body in bodies[:-1])
    assert bodies[-1]["bars"]


def test_the_range_is_half_open(reader, records):
    body = reader.get(BARS, {"start": "2024-01-02T00:01:00Z", "end": "2024-01-02T00:03:00+00:00"}).json()
    assert [bar["ts"][14:16] for bar in body["bars"]] == ["01", "02"]


def test_a_late_page_is_read_by_key(reader, records):
    with CaptureQueriesContext(connection) as queries:
        reader.get(BARS, {"cursor": "2024-01-02T00:12:00+00:00", "limit": 2})
    sql = next(query["sql"] for query in queries if "market_bars" in query["sql"])
    assert "OFFSET" not in sql


def test_an_unchanged_page_is_answered_without_a_body(reader, records, tmp_path):
    first = reader.get(BARS)
    second = reader.get(BARS, headers={"If-None-Match": first["ETag"]})
    assert (second.status_code, second.content) == (304, b"")
    ingest(write(tmp_path / "more.dbn", bars(1, first=40)))
    assert reader.get(BARS, headers={"If-None-Match": first["ETag"]}).status_code == 200
