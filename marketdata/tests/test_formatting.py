"""Numbers and times formatted for people."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from marketdata.formatting import format_age, format_list, format_minutes, format_price

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "text"),
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
def test_an_age_is_formatted_in_its_largest_unit(age, text):
    assert format_age(NOW - age, NOW) == text


@pytest.mark.parametrize(
    ("minutes", "text"),
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
def test_minutes_are_formatted_with_hours_or_days(minutes, text):
    assert format_minutes(minutes) == text


@pytest.mark.parametrize(
    ("price", "text"),
    [("16234.500000000", "16234.5"), ("16800.000000000", "16800"), ("-0.000000001", "-0.000000001"), ("0E-9", "0")],
)
def test_a_price_is_exact_and_has_no_trailing_zeros(price, text):
    assert format_price(Decimal(price)) == text


def test_a_list_names_the_first_and_counts_the_others():
    assert format_list(["A", "B"]) == "A, B"
    assert format_list(("A", "B", "C"), limit=2) == "A, B and 1 more"
