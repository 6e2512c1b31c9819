"""The overrides of the calendar library: each is still needed, each is applied, and the days are as in the sources."""

from datetime import date, time, timedelta
from functools import cache
from importlib.metadata import version
from itertools import pairwise

import pytest
from pandas_market_calendars import get_calendar

from config.testing.clocks import find_day, format_spans
from marketdata.calendars.exchange import get_exchange, make_session
from marketdata.calendars.overrides import CHECKED_VERSION, MARKETS
from marketdata.calendars.overrides.model import parse_clock, parse_hours
from marketdata.calendars.schedules import get_library_calendar, is_known_name

CME = "CME Globex Equity"


markets = pytest.mark.parametrize("market", MARKETS, ids=lambda market: market.calendars[0])


@cache
def read_library_calendars(names):
    """The library's own sessions of each of these calendars, by date."""
    classes = {type(get_calendar(name)): name for name in names}
    first, last = date(2004, 1, 1), date(2028, 12, 31)
    calendars = [get_library_calendar(name).list_sessions(first, last) for name in classes.values()]
    return [{session.date: make_session(session) for session in sessions} for sessions in calendars]


def list_library_spans(market, day):
    """The spans of a date in each calendar of the market; None where it has no session."""
    sessions = [calendar.get(day) for calendar in read_library_calendars(market.calendars)]
    return [session and session.spans for session in sessions]


def test_the_overrides_were_checked_against_the_installed_version():
    assert version("pandas_market_calendars") == CHECKED_VERSION, "Check the overrides again, then change the version."


@markets
def test_each_date_override_is_still_needed(market):
    """Fails when the library is right in all calendars of the market: then the override can be removed."""
    removable = []
    for override in market.dates:
        day = find_day(market.calendars[0], override.date.isoformat())
        if all(spans == (day and day.spans) for spans in list_library_spans(market, override.date)):
            removable.append(override)
    assert not removable, "The library agrees, so these overrides can be removed."


@markets
def test_each_date_override_is_applied(market):
    zone = get_exchange(market.calendars[0]).zone
    for override in market.dates:
        day = find_day(market.calendars[0], override.date.isoformat())
        assert (day is None) == override.closed, override
        if override.close:
            assert day.spans[-1][1].astimezone(zone).time() == override.close, override
        if override.hours:
            spans = [(opened.astimezone(zone).time(), closed.astimezone(zone).time()) for opened, closed in day.spans]
            assert spans == [(opened, closed) for (_, opened), (_, closed) in parse_hours(override.hours)], override
        for start, end in override.halts:
            assert not any(opened < end and start < closed for opened, closed in day.spans), override


@markets
def test_regular_hours_are_still_needed_on_their_first_and_last_day(market):
    for hours in market.hours:
        for day in (hours.first, min(hours.last, date(2027, 6, 30))):
            library = [spans for spans in list_library_spans(market, day) if spans]
            found = find_day(market.calendars[0], day.isoformat())
            assert not library or any(spans != found.spans for spans in library), (
                f"The library agrees: {hours} can be removed."
            )


def test_regular_hours_have_no_gaps_between_them():
    for market in MARKETS:
        assert all(
            before.last < after.first <= before.last + timedelta(days=3) for before, after in pairwise(market.hours)
        )


@markets
def test_a_market_has_names_of_the_library_once(market):
    assert all(is_known_name(name) for name in (market.base, *market.calendars))
    assert sum(name in other.calendars for name in market.calendars for other in MARKETS) == len(market.calendars)


@markets
def test_each_override_has_a_reason_and_a_source(market):
    for override in (*market.dates, *market.hours):
        assert override.reason
        assert override.source


def test_hours_are_read_as_written():
    assert parse_hours("-17:00/15:15 15:30/16:00") == (
        ((1, time(17)), (0, time(15, 15))),
        ((0, time(15, 30)), (0, time(16))),
    )
    assert parse_clock("-3d17:00") == (3, time(17))
    for text in ("17", "+17:00", "24:00", "17:00-18:00", "-d17:00"):
        with pytest.raises(ValueError):
            parse_clock(text)


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2010-11-24", ["15:30-16:30", "17:00-15:15"]),
        ("2010-11-25", ["17:00-10:30"]),  # Thanksgiving: no evening before it
        ("2010-11-26", ["17:00-12:15"]),
        ("2010-12-23", ["15:30-16:30", "17:00-15:15"]),
        ("2010-12-27", ["17:00-15:15"]),
        ("2011-04-25", ["17:00-15:15"]),
        ("2011-10-10", ["17:00-15:15"]),  # a Monday
        ("2011-10-12", ["15:30-16:30", "17:00-15:15"]),
        ("2011-12-27", ["17:00-15:15"]),
        ("2012-07-03", ["15:30-16:30", "17:00-12:15"]),
        ("2012-07-04", ["15:30-16:30", "17:00-10:30"]),
        ("2012-07-05", ["17:00-15:15"]),
        ("2012-10-26", ["15:30-16:30", "17:00-15:15"]),
        ("2012-10-29", ["17:00-08:15"]),
        ("2012-10-30", ["17:00-08:15"]),
        ("2012-10-31", ["17:00-15:15"]),
        ("2012-11-16", ["15:30-16:30", "17:00-15:15"]),
        ("2012-11-19", ["17:00-15:15", "15:30-16:15"]),
        ("2012-11-23", ["17:00-12:15"]),
        ("2013-03-06", ["17:00-15:15", "15:30-16:00", "16:10-16:15"]),
        ("2013-08-21", ["17:28-15:15", "15:30-16:15"]),
        ("2014-08-25", ["21:00-15:15", "15:30-16:15"]),
        ("2015-07-01", ["19:45-15:15", "15:30-16:15"]),  # a leap second
        ("2015-09-18", ["17:00-15:15", "15:30-16:15"]),
        ("2015-09-21", ["17:00-15:15", "15:30-16:00"]),
        ("2018-04-30", ["17:30-15:15", "15:30-16:00"]),
        ("2018-12-05", ["17:00-08:30"]),
        ("2019-02-27", ["17:00-18:40", "21:45-15:15", "15:30-16:00"]),
        ("2020-03-09", ["17:00-08:36", "08:49-15:15", "15:30-16:00"]),  # circuit breakers
        ("2020-03-12", ["17:00-08:37", "08:50-15:15", "15:30-16:00"]),
        ("2020-03-16", ["17:00-08:31", "08:45-15:15", "15:30-16:00"]),
        ("2020-03-18", ["17:00-11:58", "12:11-15:15", "15:30-16:00"]),
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


@pytest.mark.parametrize(
    ("day", "minutes"),
    [
        *[(day, 17 * 60 + 30) for day in ("2012-11-22", "2013-01-21", "2013-02-18", "2013-05-27", "2013-07-04")],
        *[(day, 17 * 60 + 30) for day in ("2013-09-02", "2013-11-28", "2014-01-20", "2014-02-17")],
        *[(day, 23 * 60) for day in ("2014-06-12", "2014-06-13", "2014-09-23", "2014-09-26", "2014-12-31")],
    ],
)
def test_days_whose_data_are_lost_stay_expected(day, minutes):
    """The market was open on these days, and Databento has no bars of them: they are missing."""
    assert find_day(CME, day).expected == minutes


def test_days_around_a_closed_date_are_adjacent():
    assert find_day(CME, "2025-04-21").start == find_day(CME, "2025-04-17").end


def test_both_equities_calendars_agree():
    """NYSE and XNYS come from different sources: a new difference needs a new override."""
    first, last = date(2007, 1, 1), date(2028, 12, 31)
    sessions = (
        [(one.date, one.spans) for one in get_exchange(name).list_sessions(first, last)] for name in ("NYSE", "XNYS")
    )
    assert next(sessions) == next(sessions)
