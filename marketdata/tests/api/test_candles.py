"""Candles over REST."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from config.testing.builders import bars, ingest, stored, together, write

HOURS = "/api/market-data/mnq/ohlcv-1h/bars"


def format_price(price: Decimal) -> str:
    return format(price.normalize(), "f")


@pytest.fixture
def records(market_db, tmp_path):
    """Three hours and a half from midnight UTC, which is 18:00 in Chicago, with a gap in the second hour."""
    written = together(bars(70), bars(120, first=90))
    ingest(write(tmp_path / "mnq.dbn.zst", written))
    return written


@pytest.mark.parametrize("address", [HOURS, "/api/market-data/mnq/ohlcv-1d/bars"])
def test_candles_require_authentication_and_their_stats_do_not(market_db, client, address, records):
    assert client.get(address).status_code == 401
    assert client.get(address.replace("bars", "stats")).status_code == 200


def test_candles_aggregate_the_bars_of_their_period(reader, records):
    body = reader.get(HOURS, {"limit": 2}).json()
    hour = [values for time, values in sorted(stored().items()) if time.hour == 0]
    assert body["bars"][0] == {
        "ts": "2024-01-02T00:00:00+00:00",
        "session_date": "2024-01-02",
        "open": format_price(hour[0][0]),
        "high": format_price(max(values[1] for values in hour)),
        "low": format_price(min(values[2] for values in hour)),
        "close": format_price(hour[-1][3]),
        "volume": sum(int(values[4]) for values in hour),
        "bar_count": 60,
        "expected": 60,
        "forming": False,
    }
    assert [(bar["ts"][11:16], bar["bar_count"]) for bar in body["bars"]] == [("00:00", 60), ("01:00", 40)]
    assert (body["timeframe"], body["calendar"], body["order"]) == ("1h", "CME Globex Equity", "asc")
    rest = reader.get(body["next"]).json()
    assert [bar["ts"][11:16] for bar in rest["bars"]] == ["02:00", "03:00"]
    assert rest["next"] is None
    descending = reader.get(HOURS, {"order": "desc", "limit": 10_000}).json()
    assert descending["bars"] == [*body["bars"], *rest["bars"]][::-1]


def test_days_and_weeks_are_those_of_the_exchange(reader, records):
    [day] = reader.get("/api/market-data/mnq/ohlcv-1d/bars").json()["bars"]
    assert (day["ts"], day["session_date"]) == ("2024-01-01T23:00:00+00:00", "2024-01-02")
    assert (day["bar_count"], day["expected"]) == (190, 23 * 60)
    [week] = reader.get("/api/market-data/mnq/ohlcv-1w/bars").json()["bars"]
    assert (week["session_date"], week["bar_count"]) == ("2024-01-01", 190)


def test_a_series_without_a_calendar_has_utc_days(reader, records, set_calendar):
    set_calendar("")
    [day] = reader.get("/api/market-data/mnq/ohlcv-1d/bars").json()["bars"]
    assert (day["ts"], day["session_date"], day["expected"]) == ("2024-01-02T00:00:00+00:00", "2024-01-02", 1440)


def test_an_unknown_calendar_is_reported(reader, records, set_calendar):
    set_calendar("Mars")
    for address in (HOURS, HOURS.replace("bars", "stats")):
        response = reader.get(address)
        assert response.status_code == 409
        assert 'No trading calendar is called "Mars"' in response.json()["detail"]


@pytest.mark.parametrize("timeframe, count", [("5m", 38), ("15m", 13), ("30m", 7), ("1h", 4), ("4h", 2), ("1w", 1)])
def test_stats_count_the_candles(client, records, timeframe, count):
    body = client.get(f"/api/market-data/mnq/ohlcv-{timeframe}/stats").json()
    assert (body["row_count"], body["timeframe"]) == (count, timeframe)
    assert body["latest_close"] == float(list(stored().values())[-1][3])
    assert "message" not in body


def test_an_empty_series_has_no_candles(market_db, client, reader):
    assert reader.get(HOURS).json()["bars"] == []
    body = client.get("/api/market-data/mnq/ohlcv-1h/stats").json()
    assert (body["row_count"], body["min_ts"], body["message"]) == (0, None, "No data ingested yet")


def test_an_unknown_timeframe_is_answered_with_the_known_ones(reader):
    response = reader.get("/api/market-data/mnq/ohlcv-2h/bars")
    assert response.status_code == 404
    assert response.json()["detail"] == "There is no timeframe '2h'. Known: 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w."


def test_the_range_selects_timestamps(reader, records):
    inside = reader.get(HOURS, {"start": "2024-01-02T00:30", "end": "2024-01-02T02:00"}).json()["bars"]
    assert [bar["ts"] for bar in inside] == [datetime(2024, 1, 2, 1, tzinfo=UTC).isoformat()]
