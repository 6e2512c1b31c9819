"""Interest rates of CME and CBOT: hours as the exchange announced them, in Chicago."""

from datetime import date

import pytest

from config.testing.clocks import find_day, format_spans
from marketdata.calendars.exchange import get_exchange
from marketdata.calendars.overrides.interest_rates import MARKETS

(MARKET,) = MARKETS
RATES = "CME Globex Fixed Income"
REGULAR = ["17:00-16:00"]


@pytest.mark.parametrize("day", ["2010-06-07", "2012-11-16", "2015-09-21", "2021-06-25", "2025-01-10", "2026-07-02"])
def test_a_regular_day_is_open_from_17_to_16(day):
    assert format_spans(RATES, day) == REGULAR


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2010-07-05", ["17:00-12:00"]),  # Independence Day, observed
        ("2011-11-24", ["17:00-12:00"]),  # Thanksgiving
        ("2011-11-25", ["17:00-12:15"]),
        ("2013-07-03", REGULAR),
        ("2013-12-24", ["17:00-12:15"]),
        ("2014-01-20", ["17:00-12:00"]),  # Martin Luther King
        ("2021-12-31", REGULAR),  # no holiday for a New Year's Day on Saturday
        ("2022-06-20", ["17:00-12:00"]),  # the first Juneteenth, observed
        ("2023-02-20", ["17:00-12:00"]),  # Presidents' Day
        ("2024-07-03", REGULAR),
        ("2024-07-04", ["17:00-12:00"]),
        ("2025-01-20", ["17:00-12:00"]),
        ("2025-12-24", ["17:00-12:15"]),
        ("2025-12-25", None),
        ("2026-06-19", ["17:00-12:00"]),
        ("2026-11-26", ["17:00-12:00"]),
        ("2026-11-27", ["17:00-12:15"]),
    ],
)
def test_holidays(day, spans):
    assert format_spans(RATES, day) == spans


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2010-07-02", ["17:00-15:15"]),
        ("2010-10-08", ["17:00-15:15"]),  # Columbus Day
        ("2011-02-18", ["17:00-15:15"]),
        ("2011-10-07", ["17:00-15:15"]),
        ("2012-10-05", ["17:00-15:15"]),
        ("2013-10-11", REGULAR),
        ("2015-05-22", ["17:00-15:15"]),
        ("2015-09-04", REGULAR),
        ("2010-12-31", ["17:00-12:15"]),
        ("2015-12-31", REGULAR),
    ],
)
def test_eves_of_holidays(day, spans):
    assert format_spans(RATES, day) == spans


@pytest.mark.parametrize("day", ["2012-04-06", "2015-04-03", "2021-04-02", "2023-04-07", "2026-04-03"])
def test_a_good_friday_with_the_employment_report_closes_at_10_15(day):
    assert format_spans(RATES, day) == ["17:00-10:15"]


@pytest.mark.parametrize(
    "day", ["2011-04-22", "2013-03-29", "2020-04-10", "2022-04-15", "2024-03-29", "2025-04-18", "2027-03-26"]
)
def test_a_good_friday_without_the_employment_report_is_closed(day):
    assert format_spans(RATES, day) is None


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2012-10-29", ["17:00-11:00"]),  # Hurricane Sandy
        ("2012-10-30", REGULAR),
        ("2018-12-04", REGULAR),
        ("2018-12-05", None),  # George H. W. Bush
        ("2018-12-06", REGULAR),
        ("2025-01-09", ["17:00-12:15"]),  # Jimmy Carter
        ("2025-01-10", REGULAR),
        ("2015-07-01", ["19:45-16:00"]),  # leap second
        ("2025-11-28", ["17:00-20:40", "07:30-12:15"]),  # outage
    ],
)
def test_unscheduled_closes_and_late_opens(day, spans):
    assert format_spans(RATES, day) == spans


def test_a_closed_date_belongs_to_the_next_trading_day():
    assert find_day(RATES, "2018-12-06").start == find_day(RATES, "2018-12-04").end


@pytest.mark.parametrize("name", sorted(set(MARKET.calendars) - {RATES}))
def test_every_name_of_the_market_has_the_same_sessions(name):
    first, last = date(2010, 6, 1), date(2028, 12, 31)
    assert get_exchange(name).list_sessions(first, last) == get_exchange(RATES).list_sessions(first, last)
