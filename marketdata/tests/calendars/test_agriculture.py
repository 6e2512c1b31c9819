"""Grains and livestock were open as CME announced: each era, each kind of holiday, each override of a single day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from marketdata.calendars.exchange import get_exchange
from marketdata.calendars.trading_days import find_trading_days

GRAINS, LIVESTOCK = "CBOT_Agriculture", "CMEGlobex_Live_Cattle"
NIGHT_2010, NIGHT_2013 = "18:00-07:15", "19:00-07:45"


def find_spans(calendar, day):
    """When the exchange was open on a trading date, in Chicago; None if it was closed all day."""
    zone = get_exchange(calendar).zone
    session = next((found for found in list_sessions(calendar, day, day) if found.date == day), None)
    return session and [f"{start.astimezone(zone):%H:%M}-{end.astimezone(zone):%H:%M}" for start, end in session.spans]


def list_sessions(calendar, first, last):
    """The sessions of the months from one date to another."""
    end = (last.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return get_exchange(calendar).list_sessions(first.replace(day=1), end)


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2010-06-07", [NIGHT_2010, "09:30-13:15"]),
        ("2010-11-26", [NIGHT_2010, "09:30-12:00"]),
        ("2010-12-23", [NIGHT_2010, "09:30-13:15"]),
        ("2010-12-24", None),
        ("2010-12-31", [NIGHT_2010, "09:30-12:00"]),
        ("2011-11-25", [NIGHT_2010, "09:30-12:00"]),
        ("2011-12-27", ["09:30-13:15"]),
        ("2012-01-03", ["09:30-13:15"]),
        ("2012-01-17", [NIGHT_2010, "09:30-13:15"]),  # Tuesday after a Monday holiday
        ("2012-05-18", [NIGHT_2010, "09:30-13:15"]),
        ("2012-05-21", ["17:00-14:00"]),
        ("2012-07-05", ["09:30-14:00"]),
        ("2012-11-23", ["09:30-12:00"]),
        ("2012-12-24", ["17:00-12:00"]),
        ("2013-01-02", ["09:30-14:00"]),
        ("2013-04-05", ["17:00-14:00"]),
        ("2013-04-08", [NIGHT_2013, "08:30-13:15"]),
        ("2013-07-03", [NIGHT_2013, "08:30-12:00"]),
        ("2013-07-05", ["08:30-13:15"]),
        ("2013-11-29", ["08:30-12:00"]),
        ("2013-12-26", ["08:30-13:15"]),
        ("2014-07-07", ["08:30-13:15"]),
        ("2014-08-25", ["21:00-07:45", "08:30-13:15"]),  # Globex opened late
        ("2015-04-03", None),
        ("2015-07-01", ["19:45-07:45", "08:30-13:15"]),  # a leap second
        ("2015-07-02", [NIGHT_2013, "08:30-12:00"]),
        ("2015-07-06", [NIGHT_2013, "08:30-13:20"]),
        ("2015-11-27", ["08:30-12:05"]),
        ("2015-12-24", [NIGHT_2013, "08:30-12:05"]),
        ("2016-12-23", [NIGHT_2013, "08:30-12:05"]),  # a Friday
        ("2016-12-27", [NIGHT_2013, "08:30-13:20"]),
        ("2018-12-05", [NIGHT_2013, "08:30-13:20"]),  # a day of mourning
        ("2019-01-02", ["08:30-13:20"]),
        ("2019-02-27", ["21:45-07:45", "08:30-13:20"]),  # an outage
        ("2019-07-03", [NIGHT_2013, "08:30-12:05"]),
        ("2020-12-31", [NIGHT_2013, "08:30-13:20"]),
        ("2021-07-05", None),
        ("2021-07-06", ["08:30-13:20"]),
        ("2021-12-31", [NIGHT_2013, "08:30-13:20"]),
        ("2022-06-20", None),
        ("2022-06-21", [NIGHT_2013, "08:30-13:20"]),
        ("2023-07-03", [NIGHT_2013, "08:30-13:20"]),
        ("2023-11-24", ["08:30-12:05"]),
        ("2024-01-02", ["08:30-13:20"]),
        ("2024-07-03", [NIGHT_2013, "08:30-13:20"]),
        ("2024-12-24", [NIGHT_2013, "08:30-12:05"]),
        ("2024-12-26", ["08:30-13:20"]),
        ("2025-01-09", [NIGHT_2013, "08:30-12:15"]),  # a day of mourning
        ("2025-01-10", [NIGHT_2013, "08:30-13:20"]),
        ("2025-07-07", [NIGHT_2013, "08:30-13:20"]),
        ("2025-11-28", ["08:30-12:05"]),
        ("2026-01-02", ["08:30-13:20"]),
        ("2026-06-19", None),
        ("2026-12-24", [NIGHT_2013, "08:30-12:05"]),
        ("2027-03-26", None),
        ("2027-06-18", None),
        ("2027-09-07", [NIGHT_2013, "08:30-13:20"]),
    ],
)
def test_grains_were_open_as_announced(day, spans):
    assert find_spans(GRAINS, date.fromisoformat(day)) == spans


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2010-06-07", ["09:05-16:00"]),  # a Monday
        ("2010-06-08", ["17:00-16:00"]),
        ("2010-06-11", ["17:00-13:55"]),  # a Friday
        ("2010-11-26", ["17:00-12:00"]),
        ("2010-12-31", ["17:00-12:15"]),
        ("2011-04-21", ["17:00-13:55"]),  # Thursday before Good Friday
        ("2011-11-25", ["17:00-12:15"]),
        ("2011-12-27", ["09:05-16:00"]),
        ("2012-07-05", ["09:05-16:00"]),
        ("2012-11-23", ["17:00-12:15"]),
        ("2013-07-03", ["17:00-12:15"]),
        ("2013-11-29", ["09:05-12:15"]),
        ("2014-10-24", ["17:00-13:55"]),
        ("2014-10-27", ["09:05-16:00"]),
        ("2014-10-28", ["08:00-16:00"]),
        ("2014-10-31", ["08:00-13:55"]),
        ("2014-11-28", ["08:00-12:15"]),
        ("2015-01-20", ["09:05-16:00"]),  # Tuesday after a Monday holiday
        ("2015-12-31", ["08:00-13:55"]),
        ("2016-02-26", ["08:00-13:55"]),
        ("2016-02-29", ["08:30-13:05"]),
        ("2016-11-25", ["08:30-12:15"]),
        ("2017-12-22", ["08:30-12:15"]),
        ("2018-12-05", ["08:30-13:05"]),
        ("2020-07-02", ["08:30-12:15"]),
        ("2020-11-27", ["08:30-12:05"]),
        ("2022-06-20", None),
        ("2023-06-19", None),
        ("2024-12-24", ["08:30-12:05"]),
        ("2025-01-09", ["08:30-12:15"]),
        ("2025-11-28", ["08:30-12:05"]),
        ("2025-12-24", ["08:30-12:15"]),
        ("2026-06-19", None),
        ("2027-06-18", None),
    ],
)
def test_livestock_was_open_as_announced(day, spans):
    assert find_spans(LIVESTOCK, date.fromisoformat(day)) == spans


@pytest.mark.parametrize(
    "names",
    [
        "CME_Agriculture CBOT_Agriculture COMEX_Agriculture NYMEX_Agriculture CMEGlobex_Grains CMEGlobex_Oilseeds",
        "CMEGlobex_Livestock CMEGlobex_Live_Cattle CMEGlobex_Feeder_Cattle CMEGlobex_Lean_Hog CMEGlobex_Port_Cutout",
    ],
    ids=["grains", "livestock"],
)
def test_all_names_of_a_market_have_the_same_sessions(names):
    first, *others = (list_sessions(name, date(2010, 6, 1), date(2027, 12, 31)) for name in names.split())
    assert all(sessions == first for sessions in others)


def test_grains_and_livestock_have_the_same_trading_dates():
    dates = [
        {session.date for session in list_sessions(calendar, date(2010, 6, 1), date(2027, 12, 31))}
        for calendar in (GRAINS, LIVESTOCK)
    ]
    assert dates[0] == dates[1]


def test_the_night_after_thanksgiving_is_closed_since_2012():
    """Trading resumes on Friday morning. 2027 is not announced yet."""
    for year in range(2012, 2027):
        friday = date(year, 11, 22) + timedelta(days=(3 - date(year, 11, 22).weekday()) % 7 + 1)
        assert find_spans(GRAINS, friday - timedelta(days=1)) is None
        assert len(find_spans(GRAINS, friday)) == 1, friday


def test_a_day_of_mourning_is_a_trading_day_of_its_own():
    """A bar of 9 January 2025 belongs to that date, and not to the 10th."""
    days = find_trading_days(GRAINS, datetime(2025, 1, 9, 15, tzinfo=UTC), datetime(2025, 1, 10, 15, tzinfo=UTC))
    dates = [day.date for day in days if date(2025, 1, 9) <= day.date <= date(2025, 1, 10)]
    assert dates == [date(2025, 1, 9), date(2025, 1, 10)]
    thursday = next(day for day in days if day.date == date(2025, 1, 9))
    start, end = thursday.spans[-1]
    assert (end - start) == timedelta(minutes=225)
