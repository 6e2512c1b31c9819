"""Currency futures of CME: hours as the exchange announced them, in Chicago."""

from datetime import date

import pytest

from config.testing.clocks import format_spans
from marketdata.calendars.exchange import get_exchange
from marketdata.calendars.overrides.currencies import MARKETS

(MARKET,) = MARKETS
CURRENCIES = "CMEGlobex_FX"
REGULAR = ["17:00-16:00"]


@pytest.mark.parametrize("day", ["2010-06-07", "2012-11-16", "2015-09-21", "2021-06-25", "2025-01-10", "2026-07-02"])
def test_a_regular_day_is_open_from_17_to_16(day):
    assert format_spans(CURRENCIES, day) == REGULAR


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2010-07-05", ["17:00-12:00"]),
        ("2011-11-24", ["17:00-12:00"]),
        ("2013-07-03", REGULAR),
        ("2013-07-04", ["17:00-12:00"]),
        ("2014-01-20", ["17:00-12:00"]),
        ("2021-11-25", ["17:00-12:00"]),
        ("2022-01-17", REGULAR),  # from 2022 on only a holiday on a Friday ends early
        ("2022-06-20", REGULAR),
        ("2022-11-24", REGULAR),
        ("2023-02-20", REGULAR),
        ("2024-07-04", REGULAR),
        ("2025-01-20", REGULAR),
        ("2025-07-04", ["17:00-12:00"]),
        ("2026-06-19", ["17:00-12:00"]),
        ("2026-07-03", ["17:00-12:00"]),
        ("2026-11-26", REGULAR),
        ("2027-06-18", ["17:00-12:00"]),
        ("2027-07-05", REGULAR),
        ("2010-12-24", None),
        ("2022-12-26", None),
        ("2025-01-01", None),
    ],
)
def test_holidays(day, spans):
    assert format_spans(CURRENCIES, day) == spans


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2010-07-02", ["17:00-15:15"]),
        ("2010-10-08", ["17:00-15:15"]),
        ("2011-02-18", ["17:00-15:15"]),
        ("2012-10-05", ["17:00-15:15"]),
        ("2013-10-11", REGULAR),
        ("2014-07-03", REGULAR),
        ("2015-05-22", ["17:00-15:15"]),
        ("2015-09-04", REGULAR),
        ("2010-12-31", ["17:00-12:15"]),
        ("2021-12-31", REGULAR),
    ],
)
def test_eves_of_holidays(day, spans):
    assert format_spans(CURRENCIES, day) == spans


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2011-11-25", ["17:00-12:15"]),
        ("2013-12-24", ["17:00-12:15"]),
        ("2022-11-25", ["17:00-12:15"]),
        ("2024-12-24", ["17:00-12:15"]),
        ("2025-12-24", ["17:00-12:45"]),
        ("2026-11-27", ["17:00-13:45"]),
        ("2026-12-24", ["17:00-12:45"]),
    ],
)
def test_the_day_after_thanksgiving_and_christmas_eve(day, spans):
    assert format_spans(CURRENCIES, day) == spans


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        ("2015-07-01", ["19:45-16:00"]),  # leap second
        ("2025-11-28", ["17:00-20:40", "07:30-13:45"]),  # outage
    ],
)
def test_halts_of_globex(day, spans):
    assert format_spans(CURRENCIES, day) == spans


@pytest.mark.parametrize("day", ["2012-04-06", "2015-04-03", "2021-04-02", "2023-04-07", "2026-04-03"])
def test_a_good_friday_with_the_employment_report_closes_at_10_15(day):
    assert format_spans(CURRENCIES, day) == ["17:00-10:15"]


@pytest.mark.parametrize(
    "day", ["2011-04-22", "2013-03-29", "2020-04-10", "2022-04-15", "2024-03-29", "2025-04-18", "2027-03-26"]
)
def test_a_good_friday_without_the_employment_report_is_closed(day):
    assert format_spans(CURRENCIES, day) is None


@pytest.mark.parametrize("day", ["2012-10-29", "2012-10-30", "2018-12-05", "2025-01-09"])
def test_currencies_traded_when_equity_index_and_interest_rates_closed(day):
    assert format_spans(CURRENCIES, day) == REGULAR


@pytest.mark.parametrize("name", sorted(set(MARKET.calendars) - {CURRENCIES}))
def test_every_name_of_the_market_has_the_same_sessions(name):
    first, last = date(2010, 6, 1), date(2028, 12, 31)
    assert get_exchange(name).list_sessions(first, last) == get_exchange(CURRENCIES).list_sessions(first, last)
