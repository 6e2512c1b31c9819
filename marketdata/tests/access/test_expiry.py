"""Dates, times and durations after which a token is refused."""

from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from marketdata.access.expiry import parse_expiry
from marketdata.access.tokens import TokenError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2199-01-31", datetime(2199, 2, 1, tzinfo=UTC)),  # the last day
        ("2199-01-31T12:00", datetime(2199, 1, 31, 12, tzinfo=UTC)),
        ("2199-01-31T12:00+02:00", datetime(2199, 1, 31, 10, tzinfo=UTC)),
        (" 2199-01-31T00:00:00Z ", datetime(2199, 1, 31, tzinfo=UTC)),
    ],
)
def test_dates_and_times(text, expected):
    assert parse_expiry(text) == expected


@pytest.mark.parametrize(
    ("text", "duration"),
    [("90", timedelta(90)), ("90d", timedelta(90)), ("12h", timedelta(hours=12)), ("2 W", timedelta(14))],
)
def test_durations(text, duration):
    assert abs(parse_expiry(text) - timezone.now() - duration) < timedelta(seconds=10)


def test_today_is_not_over():
    assert parse_expiry(f"{timezone.now():%Y-%m-%d}") > timezone.now()


@pytest.mark.parametrize("text", ["", "soon", "1y", "-5", "2199-02-30", "999999w", "9999-12-31", "１d", "2199-01-31x"])
def test_other_texts_are_refused(text):
    with pytest.raises(TokenError, match="is not understood: give a date"):
        parse_expiry(text)


@pytest.mark.parametrize("text", ["2020-01-01", "0", "0h", "1999-12-31T23:59:59Z"])
def test_times_that_have_passed_are_refused(text):
    with pytest.raises(TokenError, match="is not in the future"):
        parse_expiry(text)
