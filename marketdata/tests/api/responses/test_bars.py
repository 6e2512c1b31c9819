"""Responses with minute bars and revisions, as described."""

import pytest

from marketdata.models import IngestRun

BARS = "/api/market-data/mnq/ohlcv-1m/bars"
REVISIONS = "/api/market-data/mnq/ohlcv-1m/revisions"
PARQUET = "application/vnd.apache.parquet"


@pytest.mark.parametrize("parameters", [{}, {"limit": 2}, {"limit": 2, "order": "desc"}, {"start": "2030-01-01"}])
def test_pages_of_bars_are_as_described(check, history, parameters):
    assert list(check(BARS, parameters).json()) == [
        "symbol", "timeframe", "session", "order", "as_of", "provisional", "bars", "next_cursor", "next",
    ]  # fmt: skip


def test_bars_as_of_an_earlier_time_are_as_described(check, history):
    as_of = IngestRun.objects.get(pk=1).finished_at.isoformat()
    body = check(BARS, {"as_of": as_of}).json()
    assert (body["as_of"], body["bars"][0]["run_id"]) == (as_of, 1)


def test_bars_of_an_empty_series_are_as_described(check, history):
    assert check(BARS.replace("mnq", "empty")).json()["bars"] == []


@pytest.mark.parametrize(("name", "media_type"), [("csv", "text/csv"), ("parquet", PARQUET)])
def test_files_are_as_described(check, history, name, media_type):
    assert check(BARS, {"format": name}).headers["Content-Type"] == media_type


@pytest.mark.parametrize("parameters", [{}, {"limit": 1}, {"ts": "2024-01-02"}, {"start": "2030-01-01"}])
def test_pages_of_revisions_are_as_described(check, history, parameters):
    assert list(check(REVISIONS, parameters).json()) == ["symbol", "order", "revisions", "next_cursor", "next"]


def test_revisions_of_changed_and_removed_bars_are_as_described(check, history):
    revisions = check(REVISIONS).json()["revisions"]
    assert {revision["operation"] for revision in revisions} == {"update", "delete"}
