"""The coverage strip of a series."""

import re
from datetime import UTC, date, datetime

from marketdata.coverage.life import Life
from marketdata.pages.coverage_strip import HEIGHT, draw_strip, find_strip_start

LAST = datetime(2024, 1, 10, 9, tzinfo=UTC)
ALWAYS = Life(((datetime(2020, 1, 1, tzinfo=UTC), datetime(2025, 1, 1, tzinfo=UTC)),))


def test_a_strip_starts_eight_weeks_before_its_end():
    assert find_strip_start(LAST) == datetime(2023, 11, 16, tzinfo=UTC)


def test_columns_are_as_high_as_the_day_has_hours_with_bars():
    strip = draw_strip({date(2024, 1, 10): 10, date(2024, 1, 9): 20, date(2023, 11, 16): 1}, LAST, ALWAYS)
    columns = re.findall(r"M(\d+) (\d+)h3v(\d+)h-3z", strip.days_with_bars)
    assert columns == [("0", "18", "2"), ("216", "0", str(HEIGHT)), ("220", "10", "10")]
    assert strip.days_without_bars.count("M") == 53
    assert strip.label == "3 of the 56 days to 2024-01-10 have bars"


def test_days_outside_the_life_are_blank():
    """Two ranges: the last minute of 30 December and all of the 31st, and 9 January to the middle of the 10th."""
    ranges = [((2023, 12, 30, 23, 59), (2024, 1, 1)), ((2024, 1, 9), (2024, 1, 10, 9, 1))]
    life = Life(tuple((datetime(*start, tzinfo=UTC), datetime(*end, tzinfo=UTC)) for start, end in ranges))
    strip = draw_strip({date(2024, 1, 10): 9}, LAST, life)
    assert re.findall(r"M(\d+) ", strip.days_with_bars) == ["220"]
    assert re.findall(r"M(\d+) ", strip.days_without_bars) == ["176", "180", "216"]
    assert strip.label == "1 of the 4 days to 2024-01-10 have bars"
