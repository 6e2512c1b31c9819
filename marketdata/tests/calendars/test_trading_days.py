"""Trading days and weeks, in the exchanges' time zones."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.testing.clocks import (
    CHICAGO,
    CME,
    NEW_YORK,
    NYSE,
    ZONES,
    calendars,
    find_day,
    format_clock,
    format_spans,
    moments,
    utc,
)
from marketdata.calendars.exchange import UnknownCalendar
from marketdata.calendars.trading_days import find_trading_day, find_trading_days, find_trading_weeks
from marketdata.calendars.weeks import find_week_date


@pytest.mark.parametrize(
    ("day", "start", "ts", "end", "open_utc"),
    [
        # An ordinary Tuesday in winter and in summer, and the Mondays after a change of clocks in America.
        ("2025-01-14", "Mon 13 17:00", "Mon 13 17:00", "Tue 14 17:00", "2025-01-13 23:00"),
        ("2025-07-15", "Mon 14 17:00", "Mon 14 17:00", "Tue 15 17:00", "2025-07-14 22:00"),
        ("2025-03-10", "Fri 07 17:00", "Sun 09 17:00", "Mon 10 17:00", "2025-03-09 22:00"),
        ("2025-11-03", "Fri 31 17:00", "Sun 02 17:00", "Mon 03 17:00", "2025-11-02 23:00"),
        # After Christmas on a Wednesday, and after New Year's Day.
        ("2024-12-26", "Tue 24 17:00", "Wed 25 17:00", "Thu 26 17:00", "2024-12-25 23:00"),
        ("2025-01-02", "Tue 31 17:00", "Wed 01 17:00", "Thu 02 17:00", "2025-01-01 23:00"),
    ],
)
def test_a_cme_day_begins_at_17_00_chicago_the_evening_before(day, start, ts, end, open_utc):
    found = find_day(CME, day)
    assert [format_clock(moment, CHICAGO) for moment in (found.start, found.ts, found.end)] == [start, ts, end]
    assert found.open == utc(open_utc)
    assert found.expected == 23 * 60


@pytest.mark.parametrize(
    ("day", "start", "ts", "end", "open_utc", "expected"),
    [
        ("2025-01-14", "Tue 14 00:00", "Tue 14 00:00", "Wed 15 00:00", "2025-01-14 14:30", 390),
        ("2025-07-15", "Tue 15 00:00", "Tue 15 00:00", "Wed 16 00:00", "2025-07-15 13:30", 390),
        ("2025-03-10", "Sat 08 00:00", "Mon 10 00:00", "Tue 11 00:00", "2025-03-10 13:30", 390),
        ("2025-11-03", "Sat 01 00:00", "Mon 03 00:00", "Tue 04 00:00", "2025-11-03 14:30", 390),
        ("2025-11-28", "Thu 27 00:00", "Fri 28 00:00", "Sat 29 00:00", "2025-11-28 14:30", 210),
        ("2025-01-10", "Thu 09 00:00", "Fri 10 00:00", "Sat 11 00:00", "2025-01-10 14:30", 390),
    ],
)
def test_an_equities_day_begins_at_midnight_new_york(day, start, ts, end, open_utc, expected):
    found = find_day(NYSE, day)
    assert [format_clock(moment, NEW_YORK) for moment in (found.start, found.ts, found.end)] == [start, ts, end]
    assert (found.open, found.expected) == (utc(open_utc), expected)


@pytest.mark.parametrize(
    ("calendar", "day", "spans"),
    [
        (CME, "2025-07-15", ["17:00-16:00"]),
        (CME, "2026-01-19", ["17:00-12:00"]),  # Martin Luther King
        (CME, "2026-02-16", ["17:00-12:00"]),  # Presidents
        (CME, "2023-04-07", ["17:00-08:15"]),  # Good Friday with an employment report
        (CME, "2022-04-15", None),  # and without
        (CME, "2026-05-25", ["17:00-12:00"]),  # Memorial Day
        (CME, "2021-06-18", ["17:00-15:15", "15:30-16:00"]),  # before Juneteenth was a holiday
        (CME, "2022-06-20", ["17:00-12:00"]),
        (CME, "2024-07-03", ["17:00-12:15"]),
        (CME, "2013-07-04", ["17:00-10:30"]),
        (CME, "2026-07-03", ["17:00-12:00"]),  # the fourth is a Saturday
        (CME, "2024-11-28", ["17:00-12:00"]),  # Thanksgiving
        (CME, "2024-11-29", ["17:00-12:15"]),
        (CME, "2021-12-24", None),  # Christmas is a Saturday
        (CME, "2021-12-31", ["17:00-16:00"]),  # New Year is a Saturday: not observed
        (CME, "2025-12-24", ["17:00-12:15"]),
        (CME, "2026-01-01", None),
        (NYSE, "2012-10-29", None),
        (NYSE, "2018-12-05", None),
        (NYSE, "2024-07-03", ["09:30-13:00"]),
        (NYSE, "2026-07-03", None),
        (NYSE, "2026-12-24", ["09:30-13:00"]),
        (NYSE, "2027-06-18", None),
        (NYSE, "2027-12-31", ["09:30-16:00"]),
    ],
)
def test_holidays_are_no_days_and_early_closes_end_early(calendar, day, spans):
    assert format_spans(calendar, day) == spans


@pytest.mark.parametrize(
    ("calendar", "moment", "day"),
    [
        (CME, "2025-03-09 16:59", "2025-03-10"),  # a print on Sunday before the open
        (CME, "2025-03-07 16:59", "2025-03-07"),
        (CME, "2025-03-07 17:00", "2025-03-10"),
        (CME, "2025-12-25 12:00", "2025-12-26"),
        (CME, "2025-12-31 18:00", "2026-01-02"),
        (NYSE, "2025-03-07 19:59", "2025-03-07"),  # after hours
        (NYSE, "2025-03-08 00:00", "2025-03-10"),
        (NYSE, "2025-12-31 23:59", "2025-12-31"),
        (NYSE, "2026-01-01 00:00", "2026-01-02"),
        ("", "2025-03-08 23:59", "2025-03-08"),
    ],
)
def test_every_moment_has_one_day(calendar, moment, day):
    assert find_trading_day(calendar, utc(moment, ZONES[calendar])).date == date.fromisoformat(day)


def test_without_a_calendar_days_are_utc_and_always_open():
    day = find_trading_day("", utc("2025-03-09 12:00"))
    assert (day.start, day.end, day.open, day.ts) == (day.open, day.start + timedelta(days=1), day.start, day.start)
    assert day.expected == 1440


@settings(deadline=None, max_examples=150)
@given(calendars, moments, st.integers(0, 500_000))
def test_each_day_begins_where_the_one_before_ends(calendar, start, minutes):
    end = start + timedelta(minutes=minutes)
    days = find_trading_days(calendar, start, end)
    assert all(before.end == after.start and before.date < after.date for before, after in pairwise(days))
    if start == end:
        assert days == []
        return
    assert days[0].start <= start < days[0].end
    assert days[-1].start < end <= days[-1].end
    for day in days:
        assert day.start <= day.ts <= day.open < day.end
        assert all(day.ts <= opened < closed <= day.end for opened, closed in day.spans)
        assert all(before[1] < after[0] for before, after in pairwise(day.spans))


@settings(deadline=None, max_examples=100)
@given(calendars, moments, st.integers(1, 100_000))
def test_weeks_are_complete_and_adjacent(calendar, start, minutes):
    end = start + timedelta(minutes=minutes)
    weeks = find_trading_weeks(calendar, start, end)
    assert weeks[0].start <= start < weeks[0].end
    assert weeks[-1].start < end <= weeks[-1].end
    for week in weeks:
        assert week.date.weekday() == 0
        assert {find_week_date(calendar, day.date) for day in week.days} == {week.date}
        # Neither the day before nor the day after belongs to this week.
        assert find_trading_day(calendar, week.start - timedelta(minutes=1)).date < week.date
        assert find_trading_day(calendar, week.end).date >= week.date + timedelta(days=7)
    assert all(before.end == after.start for before, after in pairwise(weeks))


def test_a_week_has_the_date_of_its_monday_even_if_that_is_a_holiday():
    (week,) = find_trading_weeks(NYSE, utc("2025-05-28"), utc("2025-05-29"))
    assert week.date == date(2025, 5, 26)
    assert [day.date.day for day in week.days] == [27, 28, 29, 30]
    assert format_clock(week.ts, NEW_YORK) == "Tue 27 00:00"
    assert week.expected == 4 * 390


@pytest.mark.parametrize("calendar", [CME, NYSE, "24/7", "XTAE", "XTKS", "CMEGlobex_GC", "CME_Equity", "FOREX"])
@pytest.mark.parametrize("year", [1890, 1990, 2026, 2040, 2300])
def test_years_without_sessions_in_the_library_have_days(calendar, year):
    start, end = datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC)
    days = find_trading_days(calendar, start, end)
    assert days[0].start <= start
    assert days[-1].end >= end
    assert all(before.end == after.start for before, after in pairwise(days))
    assert all(day.start <= day.ts < day.end and day.start <= day.open < day.end for day in days)
    assert len(days) > 230


def test_an_unknown_calendar_is_refused():
    with pytest.raises(UnknownCalendar, match='No trading calendar is called "CEM"'):
        find_trading_days("CEM", utc("2025-01-01"), utc("2025-02-01"))


def test_a_year_is_computed_once():
    range_ = utc("2024-01-01"), utc("2025-01-01")
    first, again = find_trading_days(CME, *range_), find_trading_days(CME, *range_)
    assert all(one is other for one, other in zip(first, again, strict=True))
