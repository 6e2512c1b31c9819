"""The overrides of the calendar library: each is still needed, each is applied, and the days are as in the sources."""

from datetime import date, timedelta
from importlib.metadata import version
from itertools import pairwise

import pytest

from config.testing.clocks import find_day, format_spans
from marketdata.calendars.exchange import get_exchange
from marketdata.calendars.overrides import CHECKED_VERSION, CME, DATE_OVERRIDES, REGULAR_HOURS

date_overrides = pytest.mark.parametrize(
    ("calendar", "override"),
    [(calendar, override) for calendar, table in DATE_OVERRIDES.items() for override in table],
)
regular_hours = pytest.mark.parametrize(
    ("calendar", "hours"), [(calendar, hours) for calendar, table in REGULAR_HOURS.items() for hours in table]
)


def find_library_session(calendar, day):
    return next(iter(get_exchange(calendar).list_library_sessions(day, day)), None)


def test_the_overrides_were_checked_against_the_installed_version():
    assert version("pandas_market_calendars") == CHECKED_VERSION, "Check overrides.py again, then change its version."


@date_overrides
def test_a_date_override_is_still_needed(calendar, override):
    """Fails when the library is right: then the override can be removed."""
    session = find_library_session(calendar, override.date)
    assert session is not None
    overridden = find_day(calendar, override.date.isoformat())
    assert overridden is None or overridden.spans != session.spans


@date_overrides
def test_a_date_override_is_applied(calendar, override):
    day = find_day(calendar, override.date.isoformat())
    assert (day is None) == override.closed
    zone = get_exchange(calendar).zone
    if override.close:
        assert day.spans[-1][1].astimezone(zone).time() == override.close
    for start, end in override.halts:
        assert not any(opened < end and start < closed for opened, closed in day.spans)


@regular_hours
def test_regular_hours_are_still_needed_on_their_first_and_last_day(calendar, hours):
    sessions = {day: find_library_session(calendar, day) for day in (hours.first, hours.last)}
    days = [day for day, session in sessions.items() if session is not None]  # 1 January 2010 is a holiday
    assert hours.last in days
    for day in days:
        assert find_day(calendar, day.isoformat()).spans != sessions[day].spans


def test_regular_hours_have_no_gaps_between_them():
    for table in REGULAR_HOURS.values():
        assert all(before.last < after.first <= before.last + timedelta(days=3) for before, after in pairwise(table))


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2012-10-26", ["17:00-15:15"]),
        ("2012-10-29", ["17:00-08:15"]),
        ("2012-10-30", ["17:00-08:15"]),
        ("2012-10-31", ["17:00-15:15", "15:30-16:00"]),
        ("2012-11-16", ["17:00-15:15"]),
        ("2012-11-19", ["17:00-15:15", "15:30-16:15"]),
        ("2012-11-23", ["17:00-12:15"]),
        ("2014-08-25", ["21:00-15:15", "15:30-16:15"]),
        ("2015-09-18", ["17:00-15:15", "15:30-16:15"]),
        ("2015-09-21", ["17:00-15:15", "15:30-16:00"]),
        ("2018-12-05", ["17:00-08:30"]),
        ("2019-02-27", ["17:00-18:40", "21:45-15:15", "15:30-16:00"]),
        ("2021-06-25", ["17:00-15:15", "15:30-16:00"]),
        ("2021-06-28", ["17:00-16:00"]),
        ("2024-03-29", None),
        ("2025-01-09", ["17:00-08:30"]),
        ("2025-04-18", None),
        ("2025-11-28", ["17:00-20:40", "07:30-12:15"]),
        ("2026-04-03", ["17:00-08:15"]),
        ("2027-03-26", None),
    ],
)
def test_cme_was_open_as_it_announced(day, spans):
    assert format_spans(CME, day) == spans


def test_days_around_a_closed_date_are_adjacent():
    assert find_day(CME, "2025-04-21").start == find_day(CME, "2025-04-17").end


def test_both_equities_calendars_agree():
    """NYSE and XNYS come from different sources: a new difference needs a new override."""
    first, last = date(2007, 1, 1), date(2028, 12, 31)
    assert get_exchange("NYSE").list_sessions(first, last) == get_exchange("XNYS").list_sessions(first, last)
