"""Where pandas_market_calendars is wrong, and what is right: each line with its source.

Two calendars were checked from 2010 on (Databento's history of CME begins in June 2010). "CME Globex Equity" was
checked against CME's notices. "NYSE" was checked against the second calendar that comes with the library (XNYS of
exchange_calendars, which agrees on every day since 2007) and against NYSE Group's own calendars to 2028. Other
calendars are used without overrides.

The table is for one version of the library. Tests fail when the version changes, when an override is no longer needed,
and when an override has no effect: read this file again for each new version.

What is unknown, or left as in the library:
- Until 16 November 2012 trades from 15:30 to the evening's end belonged to the next trade date. Here the day ends at
  17:00 Chicago in all years, and those evenings end at 16:00, the library's close: no written source for their end was
  found.
- On a holiday on which CME trades (Memorial Day, until noon) the library has a session, so it is a trading day here
  too. CME clears such a session with the next day's.
- Halts by circuit breakers (fifteen minutes on four days of March 2020, both calendars) count as open.
- CME publishes a year ahead. Good Fridays after 2026 follow the rule since 2010: open until 08:15 if the employment
  report is due that morning, else closed. Presidents' funerals and storms are in no calendar before they happen.
- Minutes of outages are as reported in the press.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time
from zoneinfo import ZoneInfo

CHECKED_VERSION = "5.5.0"  # of pandas_market_calendars

CME, NYSE = "CME Globex Equity", "NYSE"


@dataclass(frozen=True, kw_only=True)
class DateOverride:
    """What is right for one trading date: closed, closed early (`close`, in the exchange's time zone), or halted."""

    date: date
    reason: str
    source: str
    closed: bool = False
    close: time | None = None
    halts: tuple[tuple[datetime, datetime], ...] = ()


@dataclass(frozen=True, kw_only=True)
class RegularHours:
    """What is right for regular days from `first` to `last`, inclusive, in the exchange's time zone: a daily halt, and
    another close where one is given."""

    first: date
    last: date
    reason: str
    source: str
    halt: tuple[time, time]
    close: time | None = None
    friday_close: time | None = None


_CHICAGO = ZoneInfo("America/Chicago")
_BONDS = "the library's CME_Bond calendar, which separates Good Fridays with the report from those without"

DATE_OVERRIDES: dict[str, tuple[DateOverride, ...]] = {
    CME: (
        DateOverride(
            date=date(2012, 10, 29),
            close=time(8, 15),
            reason="Hurricane Sandy",
            source="CME Group, 28 October 2012; marketswiki.com/wiki/Hurricane_Sandy",
        ),
        DateOverride(
            date=date(2012, 10, 30),
            close=time(8, 15),
            reason="Hurricane Sandy",
            source="CME Group, 29 October 2012; prnewswire.com 176339591",
        ),
        DateOverride(
            date=date(2014, 8, 25),
            halts=((datetime(2014, 8, 24, 17, tzinfo=_CHICAGO), datetime(2014, 8, 24, 21, tzinfo=_CHICAGO)),),
            reason="Globex outage, opened late",
            source="CME Group's bulletins, zerohedge.com/news/2014-08-24",
        ),
        DateOverride(
            date=date(2018, 12, 5),
            close=time(8, 30),
            reason="day of mourning for George H. W. Bush",
            source="CME Group, 2 December 2018; prnewswire.com 300758702",
        ),
        DateOverride(
            date=date(2019, 2, 27),
            halts=((datetime(2019, 2, 26, 18, 40, tzinfo=_CHICAGO), datetime(2019, 2, 26, 21, 45, tzinfo=_CHICAGO)),),
            reason="Globex outage",
            source="The Wall Street Journal, 28 February 2019",
        ),
        DateOverride(date=date(2024, 3, 29), closed=True, reason="Good Friday, no employment report", source=_BONDS),
        DateOverride(
            date=date(2025, 1, 9),
            close=time(8, 30),
            reason="day of mourning for Jimmy Carter",
            source="CME Group, 30 December 2024; mondovisione.com",
        ),
        DateOverride(
            date=date(2025, 4, 18),
            closed=True,
            reason="Good Friday, no employment report",
            source="Barron's, 18 April 2025, and " + _BONDS,
        ),
        DateOverride(
            date=date(2025, 11, 28),
            halts=((datetime(2025, 11, 27, 20, 40, tzinfo=_CHICAGO), datetime(2025, 11, 28, 7, 30, tzinfo=_CHICAGO)),),
            reason="cooling failed in CME's data centre",
            source="Finextra 46983, Nasdaq/RTTNews, 28 November 2025",
        ),
        DateOverride(date=date(2027, 3, 26), closed=True, reason="Good Friday, no employment report", source=_BONDS),
        DateOverride(date=date(2028, 4, 14), closed=True, reason="Good Friday, no employment report", source=_BONDS),
    ),
}

REGULAR_HOURS: dict[str, tuple[RegularHours, ...]] = {
    CME: (
        RegularHours(
            first=date(2010, 1, 1),
            last=date(2012, 11, 16),
            halt=(time(15, 15), time(15, 30)),
            friday_close=time(15, 15),
            reason="the day ended at 15:15; evenings reopened at 15:30, not on Fridays",
            source="sidewaysmarkets.com ?p=4221; elitetrader.com 254438",
        ),
        RegularHours(
            first=date(2012, 11, 19),
            last=date(2015, 9, 18),
            halt=(time(15, 15), time(15, 30)),
            close=time(16, 15),
            reason="the day ended at 16:15",
            source="CME Group's notice of 18 November 2012, in eminiroom.com ?id=35",
        ),
        RegularHours(
            first=date(2015, 9, 21),
            last=date(2021, 6, 25),
            halt=(time(15, 15), time(15, 30)),
            reason="the halt before the last half hour",
            source="ninjatrader.com/Advisories/Advisory25; its end: the library's CME_Equity calendar",
        ),
    ),
}


def find_override(calendar: str, day: date) -> DateOverride | None:
    """The override of one trading date, if there is one."""
    return next((override for override in DATE_OVERRIDES.get(calendar, ()) if override.date == day), None)


def find_regular_hours(calendar: str, day: date) -> RegularHours | None:
    """The regular hours that replace the library's on this day, if there are any."""
    return next(
        (override for override in REGULAR_HOURS.get(calendar, ()) if override.first <= day <= override.last), None
    )
