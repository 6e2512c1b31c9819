"""CME's energy and metals (NYMEX and COMEX), checked against CME's own holiday schedules from June 2010 to 2027.

Sources named "….pdf", "….xls" and "….zip" are CME Group's holiday schedules, once below
cmegroup.com/tools-information/holiday-calendar/files. "cmegroup.com trading hours" is the service that fills
cmegroup.com/trading-hours.html, as read for these dates. The project exchange-hours-rs (SharurTrading, on GitHub)
quotes all of them in docs/evidence/globex_energy.md.

Energy and metals close and reopen together on holidays. They have separate markets because technical faults halted some
of them alone. They traded regular hours during Hurricane Sandy (2012-10-29, 2012-10-30) and on the national days of
mourning (2018-12-05, 2025-01-09), as CME Group announced. They are closed on each Good Friday.

Unknown, or left as in the library:
- No schedule was found for 2023-01-16, 2023-02-20 and 2023-04-07.
- A broker (tradingmarkets.com, 18 February 2011) has 15:15 as the close of 2011-02-18. CME's schedule has the regular
  close.
- CME's trading hours list a session from 05:00 to 17:00 on three Saturdays (2026-06-20, 2026-07-04, 2027-06-19). No
  other source mentions it, so these Saturdays are closed here.
- The press mentions a halt of natural gas near a close in January 2026. Neither the day nor the minutes were found.
- When single contracts were listed first is not part of a calendar.
- CME publishes a year ahead: schedules of 2027 are not final, and later years follow the library.
"""

from __future__ import annotations

from datetime import date, time

from marketdata.calendars.overrides.model import DateOverride, Market, RegularHours, halt

_SERVICE = "cmegroup.com trading hours"


def _close_at(close: time, *days: tuple[str, str, str]) -> tuple[DateOverride, ...]:
    """Trading dates that ended at `close`, Chicago. Each has a date, a reason and a source."""
    return tuple(
        DateOverride(date=date.fromisoformat(day), close=close, reason=reason, source=source)
        for day, reason, source in days
    )


_HOURS = (
    RegularHours(
        first=date(2010, 1, 1),
        last=date(2015, 9, 18),
        hours="-17:00/16:15",
        reason="the day ended at 16:15",
        source="CME Globex notices of 30 January 2009 and 7 September 2015; ninjatrader.com/Advisories/Advisory25",
    ),
)

_FRIDAYS_BEFORE_HOLIDAYS = _close_at(
    time(15, 15),
    ("2010-07-02", "Friday before Independence Day", "2010-4th-of-july.pdf"),
    ("2010-09-03", "Friday before Labor Day", "2010-labor-day.pdf"),
    ("2010-10-08", "Friday before Columbus Day", "2010-columbus-day.pdf"),
    ("2011-01-14", "Friday before Martin Luther King Day", "2011-martin-luther-king.pdf"),
)

# The library has 12:00 for all years before 2022.
_HOLIDAYS_TO_FEBRUARY_2014 = _close_at(
    time(12, 15),
    ("2010-07-05", "Independence Day", "2010-4th-of-july.pdf"),
    ("2010-09-06", "Labor Day", "2010-labor-day.pdf"),
    ("2010-11-25", "Thanksgiving", "2010-thanksgiving.pdf"),
    ("2011-01-17", "Martin Luther King Day", "2011-martin-luther-king.pdf"),
    ("2011-02-21", "Presidents' Day", "2011-presidents-day.pdf"),
    ("2011-05-30", "Memorial Day", "2011-memorial-day.pdf"),
    ("2011-07-04", "Independence Day", "2011-4th-of-july.pdf"),
    ("2011-09-05", "Labor Day", "2011-labor-day.pdf"),
    ("2011-11-24", "Thanksgiving", "2011-thanksgiving.pdf"),
    ("2012-01-16", "Martin Luther King Day", "2012-martin-luther-king.pdf"),
    ("2012-02-20", "Presidents' Day", "2012-presidents-day.pdf"),
    ("2012-05-28", "Memorial Day", "2012-memorial-day.pdf"),
    ("2012-07-04", "Independence Day", "2012-4th-of-july.pdf"),
    ("2012-09-03", "Labor Day", "2012-labor-day.pdf"),
    ("2012-11-22", "Thanksgiving", "2012-thanksgiving.pdf"),
    ("2013-01-21", "Martin Luther King Day", "2013-martin-luther-king.pdf"),
    ("2013-02-18", "Presidents' Day", "2013-presidents-day.pdf"),
    ("2013-05-27", "Memorial Day", "2013-memorial-day.pdf"),
    ("2013-07-04", "Independence Day", "2013-4th-of-july.pdf; optionsthinktank.blogspot.com, 28 June 2013"),
    ("2013-09-02", "Labor Day", "2013-labor-day.pdf"),
    ("2013-11-28", "Thanksgiving", "2013-thanksgiving.pdf"),
    ("2014-01-20", "Martin Luther King Day", "2014-martin-luther-king-holiday-schedule.pdf"),
    ("2014-02-17", "Presidents' Day", "2014-presidents-day-holiday-schedule.pdf"),
)

# The library has no close on Christmas Eve before 2026.
_CHRISTMAS_EVES = _close_at(
    time(12, 45),
    ("2012-12-24", "Christmas Eve", "2012-christmas.pdf"),
    ("2013-12-24", "Christmas Eve", "2013-christmas.pdf; zerohedge.com, 24 December 2013"),
    ("2014-12-24", "Christmas Eve", "2014-christmas-holiday-schedule.pdf"),
    ("2015-12-24", "Christmas Eve", "2015-christmas-holiday-schedule.pdf"),
    ("2018-12-24", "Christmas Eve", "2018-holiday-calendars.zip, 2018-christmas-holiday-schedule.xls"),
    ("2019-12-24", "Christmas Eve", "2019-holiday-calendars.zip, 2019-christmas-holiday-schedule-compact.xls"),
    ("2020-12-24", "Christmas Eve", "2020-holiday-calendars.zip, 2020-christmas-holiday-schedule-compact.xls"),
    ("2024-12-24", "Christmas Eve", _SERVICE),
    ("2025-12-24", "Christmas Eve", _SERVICE),
)

# Since 2022 all holidays on a Monday or a Thursday close at 13:30. The library has 12:00 for Labor Day.
_LABOR_DAYS = _close_at(
    time(13, 30),
    ("2022-09-05", "Labor Day", "2022-labor-day-holiday-schedule.xls"),
    ("2023-09-04", "Labor Day", "cmegroup.com/trading-hours/files/labor-day-2023.pdf"),
    ("2024-09-02", "Labor Day", _SERVICE),
    ("2025-09-01", "Labor Day", _SERVICE),
    ("2027-09-06", "Labor Day", _SERVICE),
)

_DAYS_AFTER_THANKSGIVING = _close_at(
    time(13, 45),
    ("2024-11-29", "day after Thanksgiving", _SERVICE),
    ("2025-11-28", "day after Thanksgiving", _SERVICE),
    ("2027-11-26", "day after Thanksgiving", _SERVICE),
)

_HOLIDAYS_ON_FRIDAY = _close_at(
    time(12),
    ("2025-07-04", "Independence Day, a Friday", _SERVICE),
    ("2027-06-18", "Juneteenth, observed on a Friday", _SERVICE),
)

_DATES = (
    *_FRIDAYS_BEFORE_HOLIDAYS,
    *_HOLIDAYS_TO_FEBRUARY_2014,
    *_CHRISTMAS_EVES,
    *_LABOR_DAYS,
    *_DAYS_AFTER_THANKSGIVING,
    *_HOLIDAYS_ON_FRIDAY,
)

_FAULT = "technical fault"
_FAULT_SOURCE = "CME's alerts of 25 February 2026; zerohedge.com and allweatherfinance.com, same day"

MARKETS = (
    Market(
        calendars=(
            *("CMEGlobex_EnergyAndMetals", "CMEGlobex_Energy"),
            *("CMEGlobex_CrudeAndRefined", "CMEGlobex_Crude", "CMEGlobex_CL", "CL"),
            *("CMEGlobex_MicroCrude", "CMEGlobex_MCL", "MCL"),
            *("CMEGlobex_NYHarbor", "CMEGlobex_HO", "HO", "CMEGlobex_Gas", "CMEGlobex_RB", "RB"),
            *("CMEGlobex_CarbonOffset", "CMEGlobex_CGO", "CGO", "C-GEO"),
            *("CMEGlobex_NGO", "NGO", "CMEGlobex_GEO", "GEO"),
        ),
        base="CMEGlobex_EnergyAndMetals",
        hours=_HOURS,
        dates=_DATES,
    ),
    Market(
        calendars=(
            *("CMEGlobex_NatGas", "CMEGlobex_NG", "NG", "CMEGlobex_LastDay_NatGas", "CMEGlobex_NN", "NN"),
            *("CMEGlobex_Dutch_NatGas", "CMEGlobex_TTF", "TTF"),
        ),
        base="CMEGlobex_NatGas",
        hours=_HOURS,
        dates=(
            *_DATES,
            DateOverride(
                date=date(2026, 2, 25),
                halts=(halt("2026-02-25 12:15", "2026-02-25 12:50"),),
                reason=_FAULT,
                source=_FAULT_SOURCE,
            ),
        ),
    ),
    Market(
        calendars=(
            *("CMEGlobex_Metals", "CMEGlobex_PreciousMetals", "CMEGlobex_BaseMetals", "CMEGlobex_FerrousMetals"),
            *("CMEGlobex_Gold", "CMEGlobex_GC", "GC", "CMEGlobex_Silver", "CMEGlobex_SI", "SI"),
            *("CMEGlobex_Platinum", "CMEGlobex_PL", "PL"),
            *("CMEGlobex_Copper", "CMEGlobex_HG", "HG", "CMEGlobex_QC", "QC"),
            *("CMEGlobex_Aluminum", "CMEGlobex_ALI", "ALI"),
            *("CMEGlobex_HRC", "HRC", "CMEGlobex_BUS", "BUS", "CMEGlobex_TIO", "TIO"),
        ),
        base="CMEGlobex_Metals",
        hours=_HOURS,
        dates=(
            *_DATES,
            DateOverride(
                date=date(2026, 2, 25),
                halts=(halt("2026-02-25 12:15", "2026-02-25 13:45"),),
                reason=_FAULT,
                source=_FAULT_SOURCE,
            ),
        ),
    ),
)
