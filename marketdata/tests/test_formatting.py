"""Numbers and times as people write and read them."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketdata.formatting import exact, format_age, format_minutes
from marketdata.timestamps import parse_timestamp

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "words"),
    [
        (timedelta(seconds=59), "just now"),
        (timedelta(seconds=-300), "just now"),
        (timedelta(minutes=1), "1 minute ago"),
        (timedelta(hours=2, minutes=59), "2 hours ago"),
        (timedelta(days=29), "29 days ago"),
        (timedelta(days=364), "12 months ago"),
        (timedelta(days=800), "2 years ago"),
    ],
)
def test_age_in_words(age, words):
    assert format_age(NOW - age, NOW) == words


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (1, "1 minute"),
        (119, "119 minutes"),
        (120, "120 minutes (2 h)"),
        (133, "133 minutes (2 h 13 min)"),
        (2940, "2,940 minutes (49 h)"),
        (4319, "4,319 minutes (71 h 59 min)"),
        (4320, "4,320 minutes (3.0 days)"),
        (1_000_000, "1,000,000 minutes (694.4 days)"),
    ],
)
def test_minutes_in_words(minutes, words):
    assert format_minutes(minutes) == words


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02 14:30", datetime(2024, 1, 2, 14, 30, tzinfo=UTC)),
        ("2024-01-02T14:30", datetime(2024, 1, 2, 14, 30, tzinfo=UTC)),
        ("2024-01-02T14:30:00+01:00", datetime(2024, 1, 2, 13, 30, tzinfo=UTC)),
        ("2024-01-02T14:30:00 01:00", datetime(2024, 1, 2, 13, 30, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("2024-13-01", None),
        ("", None),
        ("\x00", None),
    ],
)
def test_moments_are_read_as_people_write_them(text, moment):
    assert parse_timestamp(text) == moment


@pytest.mark.parametrize(
    ("price", "text"),
    [("16234.500000000", "16234.5"), ("16800.000000000", "16800"), ("-0.000000001", "-0.000000001"), ("0E-9", "0")],
)
def test_prices_keep_the_digits_that_say_something(price, text):
    assert exact(Decimal(price)) == text
