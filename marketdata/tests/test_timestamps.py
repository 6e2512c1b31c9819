"""UTC times: parsed from text, and formatted as ISO 8601."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from marketdata.timestamps import from_seconds, parse_timestamp, to_iso


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-01-02", datetime(2024, 1, 2, tzinfo=UTC)),
        ("2024-01-02 14:30", datetime(2024, 1, 2, 14, 30, tzinfo=UTC)),
        ("2024-01-02T14:30", datetime(2024, 1, 2, 14, 30, tzinfo=UTC)),
        ("2024-01-02T14:30:00+01:00", datetime(2024, 1, 2, 13, 30, tzinfo=UTC)),
        ("2024-01-02T14:30:00 01:00", datetime(2024, 1, 2, 13, 30, tzinfo=UTC)),
        ("2024-01-02T14:30:00.123456Z", datetime(2024, 1, 2, 14, 30, 0, 123456, tzinfo=UTC)),
        ("2024-01-02T14:30:00.123456000Z", datetime(2024, 1, 2, 14, 30, 0, 123456, tzinfo=UTC)),
        ("2024-01-02T14:30:00.1234567Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("2024-13-01", None),
        ("", None),
        ("\x00", None),
    ],
)
def test_dates_and_times_are_parsed_as_utc(text, moment):
    assert parse_timestamp(text) == moment


def test_times_are_formatted_in_utc_with_an_offset():
    assert to_iso(datetime(2024, 1, 2, 1, tzinfo=timezone(timedelta(hours=1)))) == "2024-01-02T00:00:00+00:00"
    assert to_iso(None) is None


def test_seconds_before_1970_are_negative():
    assert from_seconds(-1) == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
