"""Series over REST: the list, and the stats of one."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from rest_framework.throttling import AnonRateThrottle

from config.testing.builders import bars, ingest, write
from marketdata.models import IngestRun, Series

SERIES = "/api/market-data/"
STATS = "/api/market-data/mnq/ohlcv-1m/stats"


def test_stats_of_an_empty_series_have_a_message(market_db, client):
    assert client.get(STATS).json() == {
        "row_count": 0,
        "min_ts": None,
        "max_ts": None,
        "latest_close": None,
        "latest_ts": None,
        "symbol": "CME_MINI:MNQ1!",
        "timeframe": "1m",
        "vendor": "databento",
        "message": "No data ingested yet",
    }


def test_stats_count_the_stored_bars_even_after_a_manual_delete(market_db, client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    body = client.get(STATS).json()
    assert body == {
        "row_count": 3,
        "min_ts": "2024-01-02T00:00:00+00:00",
        "max_ts": "2024-01-02T00:02:00+00:00",
        "latest_close": 16800.5,
        "latest_ts": "2024-01-02T00:02:00+00:00",
        "symbol": "CME_MINI:MNQ1!",
        "timeframe": "1m",
        "vendor": "databento",
    }
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_bars_ohlcv_1m WHERE ts >= '2024-01-02 00:01:00+00'")
    body = client.get(STATS).json()
    assert (body["row_count"], body["max_ts"]) == (1, "2024-01-02T00:00:00+00:00")


def test_an_unknown_slug_is_answered_with_the_known_ones(market_db, client):
    response = client.get("/api/market-data/nope/ohlcv-1m/stats")
    assert response.status_code == 404
    assert response.json() == {"detail": "There is no series 'nope'. Known: mnq."}


def test_only_the_first_known_slugs_are_listed(market_db, client):
    Series.objects.bulk_create(Series(slug=f"s{number:02}", symbol=f"SYM {number:02}") for number in range(25))
    detail = client.get("/api/market-data/nope/ohlcv-1m/stats").json()["detail"]
    assert detail.endswith("s18 and 6 more.")


@pytest.mark.parametrize(("public", "status"), [(True, 200), (False, 401)])
def test_a_setting_makes_the_stats_private(market_db, client, settings, public, status):
    settings.PUBLIC_STATS = public
    assert client.get(STATS).status_code == status


def test_the_list_requires_authentication(market_db, client):
    assert client.get(SERIES).status_code == 401


def test_no_method_writes(market_db, client):
    for method in (client.post, client.put, client.patch, client.delete):
        assert method(STATS).status_code in (401, 405)


def test_the_list_contains_the_last_run(reader, records):
    body = reader.get(SERIES).json()
    assert [(one["slug"], one["bars"], one["last_run"]["status"]) for one in body] == [("mnq", 12, "success")]
    assert body[0]["freshness"].endswith("ago")


def test_the_last_run_is_found_before_any_number_of_other_runs(reader, records):
    [before] = reader.get(SERIES).json()
    other = {"file_name": "f", "file_path": "f", "status": "failed", "error": "cut", "symbols": ["OTHER"]}
    times = {"started_at": timezone.now(), "finished_at": timezone.now()}
    IngestRun.objects.bulk_create(IngestRun(**other, **times) for _ in range(150))
    Series.objects.create(slug="other", symbol="OTHER")
    Series.objects.create(slug="none", symbol="NONE")
    last_runs = {one["slug"]: one["last_run"] for one in reader.get(SERIES).json()}
    assert last_runs["mnq"] == before["last_run"]
    assert last_runs["other"]["id"] == IngestRun.objects.latest("pk").pk
    assert last_runs["none"] is None


def test_a_throttled_client_receives_the_time_to_wait(market_db, client, monkeypatch):
    cache.clear()
    monkeypatch.setattr(AnonRateThrottle, "rate", "2/min", raising=False)
    monkeypatch.setattr(AnonRateThrottle, "THROTTLE_RATES", {"anon": "2/min"})
    responses = [client.get(STATS) for _ in range(3)]
    cache.clear()
    assert [response.status_code for response in responses] == [200, 200, 429]
    assert timedelta(0) < timedelta(seconds=int(responses[-1]["Retry-After"])) <= timedelta(minutes=1)


@pytest.mark.parametrize(
    "address", ["ohlcv-1m/stats", "ohlcv-1m/bars", "ohlcv-1m/revisions", "ohlcv-1h/bars", "coverage"]
)
def test_a_slug_is_found_in_any_letter_case(reader, records, address):
    expected = reader.get(f"{SERIES}mnq/{address}")
    assert expected.status_code == 200
    for slug in ("MNQ", "Mnq"):
        assert reader.get(f"{SERIES}{slug}/{address}").content == expected.content


def test_runs_are_filtered_by_a_slug_in_any_letter_case(reader, records):
    assert reader.get("/api/ingest-runs/", {"series": "MNQ"}).json()["count"] == 1


def test_a_file_is_named_by_the_stored_slug(reader, records):
    response = reader.get(f"{SERIES}MNQ/ohlcv-1m/bars", {"format": "csv"})
    assert 'filename="mnq-ohlcv-1m.csv"' in response["Content-Disposition"]
