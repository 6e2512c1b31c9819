"""CME's energy and metals were open as the exchange announced: regular days, and each kind of holiday in each era."""

from __future__ import annotations

import pytest
from pandas_market_calendars.calendars.cme_globex_energy_and_metals import CMEGlobexEnergyAndMetalsExchangeCalendar

from config.testing.clocks import CHICAGO, find_day, format_clock, format_spans, utc
from marketdata.calendars.overrides import energy_metals
from marketdata.calendars.trading_days import find_trading_day

CRUDE, GAS, GOLD = "CMEGlobex_CL", "CMEGlobex_NG", "CMEGlobex_GC"


def test_each_name_of_the_library_has_one_market():
    names = [name for market in energy_metals.MARKETS for name in market.calendars]
    assert sorted(names) == sorted(set(CMEGlobexEnergyAndMetalsExchangeCalendar.aliases))


@pytest.mark.parametrize(
    ("day", "spans"),
    [
        # Regular days: until 16:15, and until 16:00 since 21 September 2015.
        ("2010-06-07", ["17:00-16:15"]),
        ("2012-11-16", ["17:00-16:15"]),
        ("2015-09-18", ["17:00-16:15"]),
        ("2015-09-21", ["17:00-16:00"]),
        ("2026-11-25", ["17:00-16:00"]),
        # Fridays before holidays closed early for the last time in January 2011.
        ("2010-07-02", ["17:00-15:15"]),
        ("2010-10-08", ["17:00-15:15"]),
        ("2010-12-31", ["17:00-15:15"]),
        ("2011-01-14", ["17:00-15:15"]),
        ("2011-02-18", ["17:00-16:15"]),
        # Holidays on which they trade.
        ("2010-07-05", ["17:00-12:15"]),
        ("2012-07-04", ["17:00-12:15"]),
        ("2013-11-28", ["17:00-12:15"]),
        ("2014-02-17", ["17:00-12:15"]),
        ("2014-05-26", ["17:00-12:00"]),
        ("2015-07-03", ["17:00-12:00"]),
        ("2021-11-25", ["17:00-12:00"]),
        ("2022-01-17", ["17:00-13:30"]),
        ("2022-06-20", ["17:00-13:30"]),
        ("2022-09-05", ["17:00-13:30"]),
        ("2025-07-04", ["17:00-12:00"]),
        ("2025-09-01", ["17:00-13:30"]),
        ("2026-06-19", ["17:00-12:00"]),
        ("2026-11-26", ["17:00-13:30"]),
        ("2027-06-18", ["17:00-12:00"]),
        ("2027-09-06", ["17:00-13:30"]),
        # Days after Thanksgiving, and Christmas Eves.
        ("2010-11-26", ["17:00-12:45"]),
        ("2023-11-24", ["17:00-12:45"]),
        ("2024-11-29", ["17:00-13:45"]),
        ("2026-11-27", ["17:00-13:45"]),
        ("2027-11-26", ["17:00-13:45"]),
        ("2012-12-24", ["17:00-12:45"]),
        ("2020-12-24", ["17:00-12:45"]),
        ("2024-12-24", ["17:00-12:45"]),
        ("2026-12-24", ["17:00-12:45"]),
        # Closed: Christmas, New Year, and Good Fridays, also those with the employment report.
        ("2010-12-24", None),
        ("2011-12-26", None),
        ("2012-04-06", None),
        ("2021-04-02", None),
        ("2023-04-07", None),
        ("2026-01-01", None),
        ("2026-04-03", None),
        # What closed other markets of CME: a storm, days of mourning, the day before Independence Day.
        ("2012-10-29", ["17:00-16:15"]),
        ("2012-10-30", ["17:00-16:15"]),
        ("2013-07-03", ["17:00-16:15"]),
        ("2018-12-05", ["17:00-16:00"]),
        ("2025-01-09", ["17:00-16:00"]),
        # Columbus Day and Veterans Day are regular days.
        ("2013-10-14", ["17:00-16:15"]),
        ("2014-11-11", ["17:00-16:15"]),
        # What stopped all of Globex.
        ("2015-07-01", ["19:45-16:15"]),
        ("2025-11-28", ["17:00-20:40", "07:30-13:45"]),
    ],
)
@pytest.mark.parametrize("calendar", [CRUDE, GAS, GOLD])
def test_they_were_open_as_announced(calendar, day, spans):
    assert format_spans(calendar, day) == spans


@pytest.mark.parametrize(
    ("calendar", "spans"),
    [
        (CRUDE, ["17:00-16:00"]),
        ("CMEGlobex_EnergyAndMetals", ["17:00-16:00"]),
        (GAS, ["17:00-12:15", "12:50-16:00"]),
        ("NN", ["17:00-12:15", "12:50-16:00"]),
        (GOLD, ["17:00-12:15", "13:45-16:00"]),
        ("CMEGlobex_TIO", ["17:00-12:15", "13:45-16:00"]),
    ],
)
def test_the_fault_of_february_2026_halted_natural_gas_and_metals(calendar, spans):
    assert format_spans(calendar, "2026-02-25") == spans


def test_a_day_begins_on_the_evening_before_in_both_eras():
    for day in ("2015-09-18", "2015-09-21"):
        assert format_clock(find_day(GOLD, day).open, CHICAGO).endswith("17:00")
    assert find_day(GOLD, "2015-09-21").start == find_day(GOLD, "2015-09-18").end


def test_bars_after_1600_belonged_to_the_day_until_2015():
    moment = utc("2015-09-17 16:10", CHICAGO)
    day = find_trading_day(CRUDE, moment)
    assert day.date.isoformat() == "2015-09-17"
    assert any(opened <= moment < closed for opened, closed in day.spans)
