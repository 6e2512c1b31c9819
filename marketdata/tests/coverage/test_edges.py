"""Coverage at the ends of a series' life and of a range, with fixed values."""

from datetime import datetime, timedelta

import pytest

from config.testing.clocks import CHICAGO, CME, utc
from config.testing.life import create_request, map_range, record_mapping
from config.testing.reference.coverage import DAY, LATER, MINUTE, list_minutes, set_calendar
from config.testing.rollup import bar_row, copy_bars, insert_bars
from marketdata.calendars.trading_days import find_trading_days
from marketdata.coverage import outside_session
from marketdata.coverage.gaps import Gap
from marketdata.coverage.outside_session import OutsideSession
from marketdata.coverage.report import read_coverage

YEAR = utc("2025-01-01"), utc("2026-01-01")
BAR = utc("2025-06-03 15:00")


@pytest.fixture
def one_bar(series):
    """A file of a year that has a single bar."""
    insert_bars([bar_row(series.symbol, BAR, 1)])
    map_range(series, *YEAR)
    return set_calendar(series, CME)


def count_open(start: datetime, end: datetime) -> int:
    """How many minutes of [start, end) CME is open, one at a time."""
    spans = [span for day in find_trading_days(CME, start, end) for span in day.spans]
    return sum(start <= minute < end for span in spans for minute in list_minutes(*span))


def test_a_year_with_one_bar_misses_all_other_minutes(one_bar):
    found = read_coverage(one_bar, start=None, end=None, now=LATER)
    before, after = count_open(YEAR[0], BAR), count_open(BAR + MINUTE, YEAR[1])
    assert (found.start, found.end) == YEAR
    assert found.gaps.longest == [
        Gap(YEAR[0], BAR, None, BAR, before),
        Gap(BAR + MINUTE, YEAR[1], BAR, None, after),
    ]
    assert (found.gaps.open_count, found.gaps.open_minutes) == (2, before + after)
    assert sum(day.expected for day in found.days) == before + after + 1
    assert not any(day.outside_data for day in found.days)


def test_the_missing_minutes_of_the_days_are_those_of_the_gaps(one_bar):
    found = read_coverage(one_bar, start=None, end=None, now=utc("2025-09-10 12:34:56"))
    assert (found.end, found.gaps.longest[-1].end) == (utc("2025-09-10 12:34"),) * 2
    assert sum(day.expected_by_now - day.open_bars for day in found.days) == found.gaps.open_minutes
    assert (found.days[-1].forming, found.days[-1].expected) == (True, 1380)


def test_a_range_without_a_bar_is_one_gap(one_bar):
    start, end = utc("2025-03-03 10:00:30"), utc("2025-03-03 12:00:01")
    found = read_coverage(one_bar, start=start, end=end, now=LATER)
    first, last = utc("2025-03-03 10:01"), utc("2025-03-03 12:01")
    assert (found.gaps.longest, found.gaps.count) == ([Gap(first, last, None, None, 120)], 1)


def test_a_range_that_begins_and_ends_beside_a_bar_has_no_gap_there(one_bar):
    found = read_coverage(one_bar, start=BAR, end=BAR + MINUTE, now=LATER)
    assert (found.gaps.count, found.gaps.longest) == (0, [])
    found = read_coverage(one_bar, start=BAR + MINUTE, end=BAR + 2 * MINUTE, now=LATER)
    assert found.gaps.longest == [Gap(BAR + MINUTE, BAR + 2 * MINUTE, None, None, 1)]


def test_days_before_and_after_the_life_are_outside_the_data(one_bar):
    found = read_coverage(one_bar, start=YEAR[0] - 30 * DAY, end=YEAR[1] + 30 * DAY, now=LATER)
    inside = [day for day in found.days if not day.outside_data]
    assert (inside[0].day.isoformat(), inside[-1].day.isoformat()) == ("2025-01-02", "2025-12-31")
    outside = [day for day in found.days if day.outside_data]
    assert {(day.bars, day.expected, day.expected_by_now, day.first) for day in outside} == {(0, 0, 0, None)}
    assert sum(day.day.year == 2024 for day in outside) == 21  # the weekdays of December from the 2nd on, except 25
    assert found.gaps == read_coverage(one_bar, start=None, end=None, now=LATER).gaps


def test_days_long_before_the_life_are_not_listed(one_bar):
    found = read_coverage(one_bar, start=utc("2001-01-01"), end=None, now=LATER)
    assert found.days[0].day.isoformat() == "2024-01-02"  # 366 days before
    assert read_coverage(one_bar, start=utc("2001-01-01"), end=utc("2002-01-01"), now=LATER).days == []


def test_days_after_today_are_not_listed(one_bar):
    saturday = utc("2026-02-07 12:00")
    found = read_coverage(one_bar, start=None, end=utc("2027-01-01"), now=saturday)
    assert found.days[-1].day.isoformat() == "2026-02-06"  # Monday's trading day has begun, but not opened


def test_a_partial_day_expects_the_minutes_of_the_life(series):
    """The file begins at 10:00 and ends at 12:00 in Chicago."""
    start, end = utc("2025-06-03 10:00", CHICAGO), utc("2025-06-05 12:00", CHICAGO)
    insert_bars([bar_row(series.symbol, start + MINUTE, 1)])
    map_range(series, start, end)
    found = read_coverage(set_calendar(series, CME), start=None, end=None, now=LATER)
    assert [(day.expected, day.expected_by_now) for day in found.days] == [(360, 360), (1380, 1380), (1140, 1140)]


def test_years_that_no_file_maps_are_outside_the_data(series):
    """A ticker of two decades: the request covers the years between them."""
    bars = [utc("2012-12-31 23:57"), utc("2020-01-02 00:02")]
    insert_bars([bar_row(series.symbol, bar, 1) for bar in bars])
    run_id = create_request(utc("2012-12-31 23:55"), utc("2020-01-02 00:04"))
    record_mapping(series, utc("2012-12-31").date(), utc("2013-01-01").date(), run_id)
    record_mapping(series, utc("2020-01-02").date(), utc("2020-01-03").date(), run_id)
    found = read_coverage(set_calendar(series, ""), start=bars[0] - DAY, end=None, now=LATER)
    assert [(gap.start, gap.end, gap.after is None, gap.before is None) for gap in found.gaps.longest] == [
        (utc("2012-12-31 23:55"), utc("2012-12-31 23:57"), True, False),
        (utc("2012-12-31 23:58"), utc("2013-01-01"), False, True),
        (utc("2020-01-02"), utc("2020-01-02 00:02"), True, False),
        (utc("2020-01-02 00:03"), utc("2020-01-02 00:04"), False, True),
    ]
    between = [day for day in found.days if 2013 <= day.day.year <= 2019]
    assert (len(between), all(day.outside_data for day in between)) == (7 * 365 + 1, True)
    assert [day.expected for day in found.days if not day.outside_data] == [5, 4]


def test_a_weekend_that_no_file_maps_does_not_divide_its_gap(series):
    """Files of single days of a week and the next Monday: the market is closed on Saturday and Sunday until 22:00."""
    friday, monday = utc("2025-06-06"), utc("2025-06-09")
    closed, opened = utc("2025-06-06 21:00"), utc("2025-06-08 22:00")
    copy_bars(bar_row(series.symbol, bar, 1) for bar in list_minutes(friday, closed))
    copy_bars(bar_row(series.symbol, bar, 1) for bar in list_minutes(opened, monday + DAY - 3 * timedelta(hours=1)))
    for day in (friday, utc("2025-06-08"), monday):
        map_range(series, day, day + DAY)
    create_request(utc("2025-06-07"), utc("2025-06-08"), "MNQ.c.0")
    found = read_coverage(set_calendar(series, CME), start=None, end=utc("2025-06-09 12:00"), now=LATER)
    (gap,) = found.gaps.longest
    assert (gap.start, gap.end, gap.after, gap.open_minutes) == (closed, opened, closed - MINUTE, 0)


def test_without_a_calendar_gaps_at_the_ends_have_no_open_minutes(one_bar):
    found = read_coverage(set_calendar(one_bar, ""), start=None, end=None, now=LATER)
    assert found.gaps.longest == [Gap(YEAR[0], BAR, None, BAR, None), Gap(BAR + MINUTE, YEAR[1], BAR, None, None)]
    assert (found.gaps.count, found.gaps.open_count, found.gaps.open_minutes) == (2, None, None)
    assert found.outside_session is None
    assert {day.expected for day in found.days} == {1440}


def test_bars_while_closed_are_counted_and_the_first_are_listed(series, monkeypatch):
    """The minute after each close of a week, and an hour of the weekend."""
    monkeypatch.setattr(outside_session, "MAX_BARS", 8)
    closes = [utc(f"2025-06-0{day} 21:00") for day in range(2, 7)]
    weekend = list_minutes(utc("2025-06-07 10:00"), utc("2025-06-07 11:00"))
    copy_bars(bar_row(series.symbol, bar, 1) for bar in [*closes, BAR, *weekend])
    found = read_coverage(set_calendar(series, CME), start=None, end=None, now=LATER)
    assert found.outside_session == OutsideSession(65, [*closes, *weekend[:3]])
    assert [(day.bars, day.outside_session) for day in found.days] == [(1, 1), (2, 1), (1, 1), (1, 1), (1, 1), (60, 60)]
    part = read_coverage(set_calendar(series, CME), start=BAR, end=closes[2] + MINUTE, now=LATER)
    assert part.outside_session == OutsideSession(2, closes[1:3])
