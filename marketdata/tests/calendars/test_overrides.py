"""The table of the library's errors: each line still needed, each line applied, each answer as its source has it."""

from datetime import date, timedelta
from importlib.metadata import version
from itertools import pairwise

import pytest

from config.testing.clocks import day_of, spans_of
from marketdata.calendars.exchange import exchange
from marketdata.calendars.overrides import CHECKED_AGAINST, CME, DATES, HOURS

lines = pytest.mark.parametrize(
    ("calendar", "line"), [(calendar, line) for calendar, table in DATES.items() for line in table]
)
eras = pytest.mark.parametrize(
    ("calendar", "era"), [(calendar, era) for calendar, table in HOURS.items() for era in table]
)


def uncorrected(calendar, day):
    return next(iter(exchange(calendar).library_sessions(day, day)), None)


def test_the_table_was_checked_against_the_version_that_is_installed():
    assert version("pandas_market_calendars") == CHECKED_AGAINST, "Read corrections.py again, then change its version."


@lines
def test_a_line_is_still_needed(calendar, line):
    """Fails when the library has learnt it: then the line can go."""
    session = uncorrected(calendar, line.date)
    assert session is not None
    corrected = day_of(calendar, line.date.isoformat())
    assert corrected is None or corrected.spans != session.spans


@lines
def test_a_line_is_applied(calendar, line):
    day = day_of(calendar, line.date.isoformat())
    assert (day is None) == line.closed
    zone = exchange(calendar).zone
    if line.close:
        assert day.spans[-1][1].astimezone(zone).time() == line.close
    for start, end in line.halts:
        assert not any(opened < end and start < closed for opened, closed in day.spans)


@eras
def test_an_era_is_still_needed_and_ends_where_it_says(calendar, era):
    for day in (era.first, era.last):
        if (session := uncorrected(calendar, day)) is not None:  # 1 January 2010 is a holiday
            assert spans_of(calendar, day.isoformat()) is not None
            assert day_of(calendar, day.isoformat()).spans != session.spans


def test_eras_follow_one_another():
    for eras_ in HOURS.values():
        assert all(before.last < after.first <= before.last + timedelta(days=3) for before, after in pairwise(eras_))


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
def test_cme_was_open_when_it_said(day, spans):
    assert spans_of(CME, day) == spans


def test_a_closed_day_leaves_no_hole():
    assert day_of(CME, "2025-04-21").start == day_of(CME, "2025-04-17").end


def test_equities_calendars_agree_where_both_know():
    """NYSE against XNYS, which the library takes from elsewhere: a new disagreement is a new line for the table."""
    first, last = date(2007, 1, 1), date(2028, 12, 31)
    assert exchange("NYSE").sessions(first, last) == exchange("XNYS").sessions(first, last)
