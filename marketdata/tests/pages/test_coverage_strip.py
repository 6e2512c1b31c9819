"""The coverage strip of a series."""

import re
from datetime import UTC, date, datetime

from marketdata.pages.coverage_strip import HEIGHT, draw_strip, find_strip_start

LAST = datetime(2024, 1, 10, 9, tzinfo=UTC)


def test_a_strip_starts_eight_weeks_before_its_end():
    assert find_strip_start(LAST) == datetime(2023, 11, 16, tzinfo=UTC)


def test_columns_are_as_high_as_the_day_has_hours_with_bars():
    strip = draw_strip({date(2024, 1, 10): 10, date(2024, 1, 9): 20, date(2023, 11, 16): 1}, LAST)
    columns = re.findall(r"M(\d+) (\d+)h3v(\d+)h-3z", strip.days_with_bars)
    assert columns == [("0", "18", "2"), ("216", "0", str(HEIGHT)), ("220", "10", "10")]
    assert strip.days_without_bars.count("M") == 53
    assert strip.label == "3 of the 56 days to 2024-01-10 have bars"
