"""Responses with candles, as described."""

import pytest

from marketdata.candles.periods import TIMEFRAMES

CANDLES = "/api/market-data/mnq/ohlcv-1h/bars"


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
def test_pages_of_candles_are_as_described(check, history, timeframe):
    body = check(CANDLES.replace("1h", timeframe), {"limit": 1}).json()
    assert list(body) == [
        "symbol",
        "timeframe",
        "calendar",
        "session",
        "order",
        "provisional",
        "bars",
        "next_cursor",
        "next",
    ]
    assert len(body["bars"]) == 1


def test_candles_without_a_calendar_are_as_described(check, history, set_calendar):
    set_calendar("")
    assert check(CANDLES).json()["calendar"] == ""


def test_candles_of_an_empty_series_are_as_described(check, history):
    assert check(CANDLES.replace("mnq", "empty")).json()["bars"] == []


@pytest.mark.parametrize("name", ["csv", "parquet"])
def test_files_of_candles_are_as_described(check, history, name):
    check(CANDLES, {"format": name})
