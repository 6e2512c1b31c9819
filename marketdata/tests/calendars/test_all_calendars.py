"""Every calendar that a series may have: its days and weeks, breaks, hours and time zone."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from marketdata.calendars.exchange import get_exchange, is_known_calendar
from marketdata.calendars.hours import Hours
from marketdata.calendars.schedules import get_library_calendar, list_names
from marketdata.calendars.trading_days import find_trading_day, find_trading_days, find_trading_weeks

START, END = datetime(2024, 1, 1, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def list_distinct_names():
    """One name for each calendar of the library: most have aliases."""
    known = sorted(filter(is_known_calendar, list_names()))
    return list({get_library_calendar(name).kind: name for name in known}.values())


names = pytest.mark.parametrize("name", list_distinct_names())


def list_spans(name, text, hours=Hours.REGULAR):
    """When the exchange was open on a trading date, in its time zone: `09:30-11:30`; None if it was closed."""
    zone = get_exchange(name).zone
    noon = datetime.fromisoformat(text).replace(hour=12, tzinfo=zone)
    days = find_trading_days(name, noon - 2 * DAY, noon + 2 * DAY)
    day = next((day for day in days if day.date == date.fromisoformat(text)), None)
    return day and [f"{a.astimezone(zone):%H:%M}-{b.astimezone(zone):%H:%M}" for a, b in day.list_spans(hours)]


@names
def test_days_and_weeks_follow_one_another(name):
    days = find_trading_days(name, START, END)
    assert all(before.end == after.start and before.date < after.date for before, after in pairwise(days))
    for day in days:
        assert day.start <= day.ts <= day.open < day.end
        assert all(before[1] < after[0] for before, after in pairwise(day.spans))
        assert all(day.start <= opened < closed <= day.end for opened, closed in day.all_spans)
        covered = [any(a <= opened and closed <= b for a, b in day.all_spans) for opened, closed in day.spans]
        assert all(covered)
        # The day contains the noon of its date where the exchange is open then.
        zone = get_exchange(name).zone
        noon = datetime.combine(day.date, datetime.min.time(), zone) + DAY / 2
        if any(opened <= noon < closed for opened, closed in day.spans):
            assert find_trading_day(name, noon).date == day.date
    weeks = find_trading_weeks(name, START, END)
    assert [day for week in weeks for day in week.days][: len(days)] == days or weeks[0].days[0].date < days[0].date
    assert all(before.end == after.start and before.date < after.date for before, after in pairwise(weeks))
    # Between two trading days of a week there is no weekend.
    for week in weeks:
        assert all(after.date - before.date <= 5 * DAY for before, after in pairwise(week.days))
        assert week.date <= week.days[0].date <= week.date + 6 * DAY
        assert week.days[-1].date - week.date <= 6 * DAY


@names
def test_a_week_begins_after_the_weekend(name):
    """An exchange that trades on Sundays and not on Saturdays begins its week on Sunday."""
    weeks = find_trading_weeks(name, START, END)
    weekdays = {week.date: {day.date.weekday() for day in week.days} for week in weeks}
    on_sunday = [week for week, days in weekdays.items() if 6 in days and 5 not in days]
    assert all(week.weekday() == 6 for week in on_sunday)
    last = max(on_sunday, default=date.min)
    assert all(week.weekday() == 0 for week in weekdays if week > last)


@names
def test_the_time_zone_is_that_of_the_library(name):
    assert get_exchange(name).zone == get_library_calendar(name).zone


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("NSE", "Asia/Calcutta"),
        ("COMEX_Agriculture", "America/Chicago"),
        ("NYMEX_Agriculture", "America/Chicago"),
        ("HKEX", "Asia/Shanghai"),
        ("XHKG", "Asia/Hong_Kong"),
        ("ICE", "US/Eastern"),
        ("24/7", "UTC"),
    ],
)
def test_zones_of_exchanges(name, zone):
    assert get_exchange(name).zone.key == zone


@pytest.mark.parametrize(
    ("name", "day", "spans"),
    [
        ("24/7", "2025-12-25", ["00:00-00:00"]),
        ("24/7", "2025-03-09", ["00:00-00:00"]),
        ("24/5", "2025-03-08", None),
        ("us_futures", "2025-07-15", ["18:00-18:00"]),
        ("CMES", "2025-07-15", ["17:00-17:00"]),
        ("CMES", "2025-01-09", ["17:00-17:00"]),
        ("FOREX", "2025-12-28", None),  # a Sunday
        ("FOREX", "2025-12-29", ["17:00-17:00"]),
        ("XTKS", "2024-07-01", ["09:00-11:30", "12:30-15:00"]),
        ("JPX", "2024-11-05", ["09:00-11:30", "12:30-15:30"]),
        ("XHKG", "2024-07-02", ["09:30-12:00", "13:00-16:00"]),
        ("HKEX", "2024-12-24", ["09:30-12:00"]),
        ("HKEX", "2023-09-01", None),  # typhoons
        ("HKEX", "2024-09-06", None),
        ("SSE", "2024-07-01", ["09:30-11:30", "13:00-15:00"]),
        ("XKRX", "1999-07-01", ["09:00-12:00", "13:00-15:00"]),
        ("XKRX", "2024-07-01", ["09:00-15:30"]),  # without a break since 22 May 2000
        ("XTAE", "2025-11-02", ["09:59-15:40"]),  # a Sunday
        ("XTAE", "2026-01-09", ["09:59-13:34"]),  # a Friday, since January 2026
        ("TASE", "2025-11-03", ["09:59-17:15"]),
        ("XTAE", "2025-10-02", None),  # Yom Kippur
        ("EUREX", "2024-12-24", None),
        ("EUREX", "2020-12-28", ["08:00-22:00"]),
        ("EUREX_Bond", "2018-12-07", ["08:00-22:00"]),
        ("EUREX_Bond", "2018-12-10", ["01:10-22:00"]),
        ("EUREX_Bond", "2025-07-15", ["02:10-22:00"]),  # opens at 00:10 UTC in summer too
        ("NSE", "2021-02-24", ["09:15-11:40", "15:45-17:00"]),  # an interruption
        ("ICE", "2025-07-15", ["20:00-18:00"]),
        ("CBOE_Equity_Options", "2024-12-24", ["08:30-12:00"]),
        ("IEX", "2025-09-01", None),
        ("IEX", "2025-07-03", ["09:30-13:00"]),
        ("NYSE", "2020-03-09", ["09:30-09:35", "09:49-16:00"]),
        ("NASDAQ", "2020-03-18", ["09:30-12:57", "13:11-16:00"]),
    ],
)
def test_hours_of_exchanges(name, day, spans):
    assert list_spans(name, day) == spans


@pytest.mark.parametrize(
    ("name", "day", "spans"),
    [
        ("NYSE", "2025-07-15", ["04:00-20:00"]),
        ("NYSE", "2025-07-03", ["04:00-17:00"]),
        ("NYSE", "2020-03-09", ["04:00-09:35", "09:49-20:00"]),
        ("IEX", "2025-07-15", ["08:00-17:00"]),
        ("XNYS", "2025-07-15", ["04:00-20:00"]),
        ("CME Globex Equity", "2025-07-15", ["17:00-16:00"]),
    ],
)
def test_extended_hours(name, day, spans):
    assert list_spans(name, day, Hours.ALL) == spans


@pytest.mark.parametrize(
    ("name", "moment", "date_", "days"),
    [
        ("XSAU", "2025-07-08 12:00", date(2025, 7, 6), 5),  # Sunday to Thursday
        ("XTAE", "2025-11-04 12:00", date(2025, 11, 2), 5),
        ("XTAE", "2026-01-06 12:00", date(2026, 1, 4), 6),  # Sunday to Friday
        ("XTAE", "2026-01-13 12:00", date(2026, 1, 12), 5),  # Monday to Friday
        ("24/7", "2025-07-13 12:00", date(2025, 7, 7), 7),
        ("FOREX", "2025-07-13 22:00", date(2025, 7, 14), 5),
        ("NYSE", "2025-07-08 12:00", date(2025, 7, 7), 5),
    ],
)
def test_weeks_of_exchanges(name, moment, date_, days):
    at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
    (week,) = find_trading_weeks(name, at, at + timedelta(minutes=1))
    assert (week.date, len(week.days)) == (date_, days)
