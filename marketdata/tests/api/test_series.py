"""The REST API, asked over HTTP."""

import pytest
from django.db import connection

from config.testing.builders import bars, ingest, write

STATS = "/api/market-data/mnq/ohlcv-1m/stats"


def test_an_empty_series_says_so(market_db, client):
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


def test_stats_tell_what_the_table_holds_also_after_a_delete_by_hand(market_db, client, tmp_path):
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


def test_an_unknown_slug_is_told_the_known_ones(market_db, client):
    response = client.get("/api/market-data/nope/ohlcv-1m/stats")
    assert response.status_code == 404
    assert response.json() == {"detail": "There is no series 'nope'. Known: mnq."}


@pytest.mark.parametrize(("public", "status"), [(True, 200), (False, 401)])
def test_the_operator_can_close_the_stats(market_db, client, settings, public, status):
    settings.PUBLIC_STATS = public
    assert client.get(STATS).status_code == status


def test_nothing_writes_over_rest(market_db, client):
    for method in (client.post, client.put, client.patch, client.delete):
        assert method(STATS).status_code in (401, 405)
