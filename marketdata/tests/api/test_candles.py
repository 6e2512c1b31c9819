"""Candles over REST: the same pages and forms as the minute bars."""

import csv
import io
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from pyarrow import parquet

from config.testing.builders import bars, ingest, stored, together, write
from marketdata.models import Series

HOURS = "/api/market-data/mnq/ohlcv-1h/bars"


@pytest.fixture
def reader(market_db):
    """A client that is logged in; `client` is not."""
    reader = Client()
    reader.force_login(get_user_model().objects.create_user("candles"))
    yield reader
    get_user_model().objects.filter(username="candles").delete()


@pytest.fixture
def records(market_db, tmp_path):
    """Three hours and a half from midnight UTC, which is 18:00 in Chicago, with a hole in the second hour."""
    written = together(bars(70), bars(120, first=90))
    ingest(write(tmp_path / "mnq.dbn.zst", written))
    return written


@pytest.mark.parametrize("address", [HOURS, "/api/market-data/mnq/ohlcv-1d/bars"])
def test_candles_need_a_login_and_their_stats_do_not(market_db, client, address, records):
    assert client.get(address).status_code == 401
    assert client.get(address.replace("bars", "stats")).status_code == 200


def test_a_candle_and_what_it_says(reader, records):
    body = reader.get(HOURS, {"limit": 2}).json()
    held = [values for time, values in sorted(stored().items()) if time.hour == 0]
    assert body["bars"][0] == {
        "ts": "2024-01-02T00:00:00+00:00",
        "session_date": "2024-01-02",
        "open": _text(held[0][0]),
        "high": _text(max(values[1] for values in held)),
        "low": _text(min(values[2] for values in held)),
        "close": _text(held[-1][3]),
        "volume": sum(int(values[4]) for values in held),
        "bar_count": 60,
        "expected": 60,
        "forming": False,
    }
    assert [(bar["ts"][11:16], bar["bar_count"]) for bar in body["bars"]] == [("00:00", 60), ("01:00", 40)]
    assert (body["timeframe"], body["calendar"], body["order"]) == ("1h", "CME Globex Equity", "asc")
    rest = reader.get(body["next"]).json()
    assert [bar["ts"][11:16] for bar in rest["bars"]] == ["02:00", "03:00"]
    assert rest["next"] is None
    backwards = reader.get(HOURS, {"order": "desc", "limit": 10_000}).json()
    assert backwards["bars"] == [*body["bars"], *rest["bars"]][::-1]


def test_a_day_is_the_exchanges(reader, records):
    [day] = reader.get("/api/market-data/mnq/ohlcv-1d/bars").json()["bars"]
    assert (day["ts"], day["session_date"]) == ("2024-01-01T23:00:00+00:00", "2024-01-02")
    assert (day["bar_count"], day["expected"]) == (190, 23 * 60)
    [week] = reader.get("/api/market-data/mnq/ohlcv-1w/bars").json()["bars"]
    assert (week["session_date"], week["bar_count"]) == ("2024-01-01", 190)


@pytest.fixture
def calendar(market_db):
    """A way to give the series another calendar, for one test."""
    mnq = Series.objects.filter(slug="mnq")
    before = mnq.get().calendar
    yield lambda name: mnq.update(calendar=name)
    mnq.update(calendar=before)


def test_a_series_without_a_calendar_has_utc_days(reader, records, calendar):
    calendar("")
    [day] = reader.get("/api/market-data/mnq/ohlcv-1d/bars").json()["bars"]
    assert (day["ts"], day["session_date"], day["expected"]) == ("2024-01-02T00:00:00+00:00", "2024-01-02", 1440)


def test_a_calendar_that_nobody_knows_is_said(reader, records, calendar):
    calendar("Mars")
    for address in (HOURS, HOURS.replace("bars", "stats")):
        answer = reader.get(address)
        assert answer.status_code == 409
        assert 'No trading calendar is called "Mars"' in answer.json()["detail"]


@pytest.mark.parametrize("timeframe, count", [("5m", 38), ("15m", 13), ("30m", 7), ("1h", 4), ("4h", 2), ("1w", 1)])
def test_stats(client, records, timeframe, count):
    body = client.get(f"/api/market-data/mnq/ohlcv-{timeframe}/stats").json()
    assert (body["row_count"], body["timeframe"]) == (count, timeframe)
    assert body["latest_close"] == float(list(stored().values())[-1][3])
    assert "message" not in body


def test_an_empty_series(market_db, client, reader):
    assert reader.get(HOURS).json()["bars"] == []
    body = client.get("/api/market-data/mnq/ohlcv-1h/stats").json()
    assert (body["row_count"], body["min_ts"], body["message"]) == (0, None, "No data ingested yet")


def test_an_unknown_timeframe_names_those_that_there_are(reader):
    answer = reader.get("/api/market-data/mnq/ohlcv-2h/bars")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "There is no timeframe '2h'. Known: 1m, 5m, 15m, 30m, 1h, 4h, 1d, 1w."


def test_as_files(reader, records):
    expected = reader.get(HOURS).json()["bars"]
    content = b"".join(reader.get(HOURS, {"format": "csv"}).streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(content)))
    assert [row["symbol"] for row in rows] == ["CME_MINI:MNQ1!"] * 4
    assert [{name: row[name] for name in ("ts", "open", "close", "session_date")} for row in rows] == [
        {name: candle[name] for name in ("ts", "open", "close", "session_date")} for candle in expected
    ]
    answer = reader.get(HOURS, {"format": "parquet"})
    assert 'filename="mnq-ohlcv-1h.parquet"' in answer["Content-Disposition"]
    table = parquet.read_table(io.BytesIO(b"".join(answer.streaming_content))).to_pylist()
    assert [(row["ts"], row["open"], row["session_date"], row["bar_count"], row["forming"]) for row in table] == [
        (
            datetime.fromisoformat(candle["ts"]),
            Decimal(candle["open"]),
            date.fromisoformat(candle["session_date"]),
            candle["bar_count"],
            False,
        )
        for candle in expected
    ]


def test_a_range_is_of_stamps_and_parameters_are_checked(reader, records):
    inside = reader.get(HOURS, {"start": "2024-01-02T00:30", "end": "2024-01-02T02:00"}).json()["bars"]
    assert [bar["ts"] for bar in inside] == [datetime(2024, 1, 2, 1, tzinfo=UTC).isoformat()]
    for parameters in ({"limit": 0}, {"order": "up"}, {"as_of": "2024-01-02"}, {"start": "x"}):
        assert reader.get(HOURS, parameters).status_code == 400


def _text(price: Decimal) -> str:
    return format(price.normalize(), "f")
