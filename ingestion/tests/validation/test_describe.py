"""Prices, times and values are shown exactly."""

import time
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from config.testing.builders import at, bars
from ingestion.dbn.layout import UNDEFINED_PRICE, UNDEFINED_TIME
from ingestion.validation.describe import format_record_time, format_time, format_values, to_datetime, to_price


@pytest.mark.parametrize(
    "nanos, price",
    [(16_800_250_000_000, "16800.25"), (1, "0.000000001"), (-37_630_000_000, "-37.63"), (0, "0"), (10**12, "1000")],
)
def test_a_price_has_all_its_digits(nanos, price):
    assert to_price(nanos) == Decimal(price)
    record = bars(1)[0]
    record["open"] = nanos
    assert format_values(record, ["open"]) == f"open {price}"


def test_values_are_listed_by_name():
    record = bars(1)[0]
    record["close"] = UNDEFINED_PRICE
    assert format_values(record) == "open 16799.75, high 16800.5, low 16799.25, close undefined, volume 100"


@pytest.mark.parametrize(
    "nanoseconds, text",
    [
        (at(3), "2024-01-02 00:03:00 UTC"),
        (at(3) + 1, "2024-01-02 00:03:00.000000001 UTC"),
        (UNDEFINED_TIME, "no time"),
    ],
)
def test_a_time_is_shown_to_the_nanosecond(nanoseconds, text):
    assert format_time(nanoseconds) == text
    record = bars(1)[0]
    record["ts_event"] = nanoseconds
    assert format_record_time(record) == text


def test_a_time_is_utc_in_any_time_zone(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "America/Chicago")
        time.tzset()
        text = format_time(at(3))
    time.tzset()
    assert text == "2024-01-02 00:03:00 UTC"


def test_a_datetime_is_rounded_down_to_the_second():
    assert to_datetime(at(3) + 10**9 - 1) == datetime(2024, 1, 2, 0, 3, tzinfo=UTC)
