"""CME's cryptocurrency futures were open as the exchange announced: five days a week, and since May 2026 seven."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from config.testing.clocks import CHICAGO, find_day, format_clock, format_spans, utc
from marketdata.calendars.buckets import make_buckets
from marketdata.calendars.trading_days import find_trading_day, find_trading_days, find_trading_weeks

CRYPTO = "CME Globex Crypto"


def list_clocks(day):
    """When it was open on a trading date: `Fri 29 16:02-Sat 30 02:00`."""
    found = find_day(CRYPTO, day)
    if found is None:
        return None
    return [f"{format_clock(opened, CHICAGO)}-{format_clock(closed, CHICAGO)}" for opened, closed in found.spans]


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2017-12-18", ["17:00-16:00"]),  # the first
        ("2017-12-25", None),
        ("2018-07-03", ["17:00-12:15"]),
        ("2018-12-05", ["17:00-16:00"]),  # day of mourning
        ("2019-01-21", ["17:00-12:00"]),
        ("2020-04-10", None),
        ("2020-11-27", ["17:00-12:15"]),
        ("2020-12-24", ["17:00-12:15"]),
        ("2021-04-02", ["17:00-08:15"]),
        ("2021-11-26", ["17:00-12:45"]),
        ("2022-01-17", ["17:00-16:00"]),
        ("2022-04-15", None),
        ("2022-07-04", ["17:00-16:00"]),
        ("2023-07-03", ["17:00-16:00"]),
        ("2023-11-24", ["17:00-12:45"]),
        ("2024-03-29", None),
        ("2024-07-03", ["17:00-16:00"]),
        ("2024-11-29", ["17:00-12:45"]),
        ("2024-12-24", ["17:00-12:45"]),
        ("2025-01-09", ["17:00-16:00"]),  # day of mourning
        ("2025-04-18", None),
        ("2025-07-03", ["17:00-16:00"]),
        ("2025-07-04", ["17:00-12:00"]),
        ("2025-11-28", ["17:00-20:40", "07:30-13:45"]),
        ("2025-12-24", ["17:00-12:45"]),
        ("2025-12-25", None),
        ("2026-04-03", ["17:00-10:15"]),
        ("2026-05-25", ["17:00-16:00"]),
        ("2026-05-29", ["17:00-16:00"]),  # the last
    ],
)
@pytest.mark.parametrize("calendar", [CRYPTO, "CME Globex Cryptocurrencies"])
def test_they_were_open_as_announced_on_five_days(calendar, day, spans):
    assert format_spans(calendar, day) == spans


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2026-06-01", ["Fri 29 16:02-Sat 30 02:00", "Sat 30 04:00-Mon 01 16:00"]),
        ("2026-06-02", ["Mon 01 16:02-Tue 02 16:00"]),
        ("2026-06-05", ["Thu 04 16:02-Fri 05 16:00"]),
        ("2026-06-08", ["Fri 05 16:02-Sat 06 02:00", "Sat 06 04:00-Mon 08 16:00"]),
        # Juneteenth, a Friday.
        ("2026-06-19", None),
        ("2026-06-22", ["Thu 18 16:02-Fri 19 16:00", "Fri 19 16:02-Sat 20 02:00", "Sat 20 04:00-Mon 22 16:00"]),
        ("2026-07-03", None),
        ("2026-07-06", ["Thu 02 16:02-Fri 03 16:00", "Fri 03 16:02-Sat 04 02:00", "Sat 04 04:00-Mon 06 16:00"]),
        # Longer maintenance.
        ("2026-08-03", ["Fri 31 16:02-Sat 01 02:00", "Sat 01 09:00-Mon 03 16:00"]),
        ("2026-08-31", ["Fri 28 16:02-Sat 29 02:00", "Sat 29 06:00-Mon 31 16:00"]),
        ("2026-09-21", ["Fri 18 16:02-Sat 19 02:00", "Sat 19 08:00-Mon 21 16:00"]),
        # Labor Day, a Monday.
        ("2026-09-07", None),
        ("2026-09-08", ["Fri 04 16:02-Sat 05 02:00", "Sat 05 04:00-Tue 08 16:00"]),
        # Thanksgiving, a Thursday; the day after closes at the regular time.
        ("2026-11-26", None),
        ("2026-11-27", ["Wed 25 16:02-Fri 27 16:00"]),
        ("2026-12-24", ["Wed 23 16:02-Thu 24 16:00"]),
        ("2026-12-25", None),
        ("2026-12-28", ["Thu 24 16:02-Fri 25 16:00", "Fri 25 16:02-Sat 26 02:00", "Sat 26 04:00-Mon 28 16:00"]),
        ("2027-01-04", ["Thu 31 16:02-Fri 01 16:00", "Fri 01 16:02-Sat 02 02:00", "Sat 02 04:00-Mon 04 16:00"]),
        ("2027-03-26", None),
        ("2027-11-26", ["Wed 24 16:02-Fri 26 16:00"]),
        ("2027-12-27", ["Thu 23 16:02-Fri 24 16:00", "Fri 24 16:02-Sat 25 02:00", "Sat 25 04:00-Mon 27 16:00"]),
    ],
)
def test_they_are_open_as_announced_on_seven_days(day, spans):
    assert list_clocks(day) == spans


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        ("2026-05-29 15:59", "2026-05-29"),
        ("2026-05-29 16:02", "2026-06-01"),
        ("2026-05-30 12:00", "2026-06-01"),
        ("2026-05-31 23:00", "2026-06-01"),
        ("2026-06-01 15:59", "2026-06-01"),
        ("2026-06-01 16:02", "2026-06-02"),
        ("2026-09-07 12:00", "2026-09-08"),
        ("2026-12-25 12:00", "2026-12-28"),
    ],
)
def test_a_bar_of_the_weekend_or_a_holiday_has_the_next_trade_date(moment, day):
    start = utc(moment, CHICAGO)
    found = find_trading_day(CRYPTO, start)
    assert found.date.isoformat() == day
    assert any(opened <= start < closed for opened, closed in found.spans)


def test_only_the_announced_breaks_interrupt_a_month():
    days = find_trading_days(CRYPTO, utc("2026-10-02 16:02", CHICAGO), utc("2026-10-30 16:00", CHICAGO))
    spans = [span for day in days for span in day.spans]
    breaks = [following - closed for (_, closed), (following, _) in pairwise(spans)]
    assert sum(length == timedelta(hours=2) for length in breaks) == 4
    assert sum(length == timedelta(minutes=2) for length in breaks) == len(breaks) - 4 == 19


def test_days_are_adjacent_where_the_hours_change():
    days = find_trading_days(CRYPTO, utc("2026-05-20", CHICAGO), utc("2026-06-30", CHICAGO))
    assert all(before.end == after.start for before, after in pairwise(days))


def test_a_week_has_the_weekend_before_it():
    (week,) = find_trading_weeks(CRYPTO, utc("2026-06-06 12:00", CHICAGO), utc("2026-06-06 13:00", CHICAGO))
    assert [day.date.isoformat() for day in week.days] == [f"2026-06-{day:02}" for day in (8, 9, 10, 11, 12)]
    assert format_clock(week.start, CHICAGO) == "Fri 05 16:00"


def test_intraday_candles_begin_at_full_five_minutes_and_hours():
    (day,) = find_trading_days(CRYPTO, utc("2026-06-09 12:00", CHICAGO), utc("2026-06-09 13:00", CHICAGO))
    for minutes in (5, 60):
        starts = make_buckets([day], minutes).starts
        assert all(start % (minutes * 60) == 0 for start in starts[1:])
