"""CME's equity index futures, checked against CME's notices and fifteen years of NQ bars from June 2010 on.

Unknown, or left as in the library:
- On a holiday on which CME trades (Memorial Day, until noon) the library has a session, so it is a trading day here
  too. CME clears such a session with the next day's.
- CME publishes a year ahead. Good Fridays after 2026 follow the rule since 2010: open until 08:15 if the employment
  report is due that morning, else closed. Presidents' funerals and storms are in no calendar before they happen.
- On these trading days the market was open and the data are lost, so bars are missing. They have no override:
  2012-11-22, 2013-01-21, 2013-02-18, 2013-05-27, 2013-07-04, 2013-09-02, 2013-11-28, 2014-01-20, 2014-02-17,
  2014-06-12, 2014-06-13, 2014-09-23 to 2014-09-26, 2014-12-31.
"""

from __future__ import annotations

from datetime import date, time, timedelta

from marketdata.calendars.overrides.model import DateOverride, Market, RegularHours, day_before, halt

_BONDS = "the library's CME_Bond calendar, which separates Good Fridays with the report from those without"
_EVENINGS = "elitetrader.com 155888: 15:30-16:30 Monday to Thursday, Sundays and holidays from 17:00; NQ bars"
_HALTS = "CME halts with the stock exchanges (dechert.com, 9 March 2020); the minutes from NQ bars"
_HOURS_2012 = (
    "CME Group, eq-trading-hours.pdf, in issue 242 of pandas_market_calendars; elitetrader.com 254438; NQ bars"
)


def _no_evening(day: date, reason: str) -> DateOverride:
    """The trading date had no evening session from 15:30 to 16:30: it began at 17:00."""
    evening = day_before(day)
    return DateOverride(
        date=day,
        halts=(halt(f"{evening} 15:30", f"{evening} 17:00"),),
        reason=f"no evening session from 15:30: {reason}",
        source=_EVENINGS,
    )


_AFTER_HOLIDAYS = tuple(
    # CME halted at 10:30 on these holidays, and resumed at 17:00.
    _no_evening(holiday + timedelta(days=1), "the day before was a holiday")
    for holiday in (
        date(2010, 7, 5),
        date(2010, 9, 6),
        date(2010, 11, 25),
        date(2011, 1, 17),
        date(2011, 2, 21),
        date(2011, 5, 30),
        date(2011, 7, 4),
        date(2011, 9, 5),
        date(2011, 11, 24),
        date(2011, 12, 26),
        date(2012, 1, 2),
        date(2012, 1, 16),
        date(2012, 2, 20),
        date(2012, 5, 28),
        date(2012, 7, 4),
        date(2012, 9, 3),
        date(2012, 10, 29),
        date(2012, 10, 30),
    )
)
_BEFORE_HOLIDAYS = (
    _no_evening(date(2010, 11, 25), "Thanksgiving"),
    _no_evening(date(2011, 11, 24), "Thanksgiving"),
    _no_evening(date(2012, 4, 6), "Good Friday"),
)

_DATES = (
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
        date=date(2013, 3, 6),
        halts=(halt("2013-03-06 16:00", "2013-03-06 16:10"),),
        reason="no bars from 16:00 to 16:10",
        source="bars only",
    ),
    DateOverride(
        date=date(2013, 8, 21),
        halts=(halt("2013-08-20 17:00", "2013-08-20 17:28"),),
        reason="opened late",
        source="bars only",
    ),
    DateOverride(
        date=date(2018, 4, 30),
        halts=(halt("2018-04-29 17:00", "2018-04-29 17:30"),),
        reason="opened late",
        source="bars only",
    ),
    DateOverride(
        date=date(2018, 12, 5),
        close=time(8, 30),
        reason="day of mourning for George H. W. Bush",
        source="CME Group, 2 December 2018; prnewswire.com 300758702",
    ),
    DateOverride(
        date=date(2020, 3, 9),
        halts=(halt("2020-03-09 08:36", "2020-03-09 08:49"),),
        reason="circuit breaker",
        source=_HALTS,
    ),
    DateOverride(
        date=date(2020, 3, 12),
        halts=(halt("2020-03-12 08:37", "2020-03-12 08:50"),),
        reason="circuit breaker",
        source=_HALTS,
    ),
    DateOverride(
        date=date(2020, 3, 16),
        halts=(halt("2020-03-16 08:31", "2020-03-16 08:45"),),
        reason="circuit breaker",
        source=_HALTS,
    ),
    DateOverride(
        date=date(2020, 3, 18),
        halts=(halt("2020-03-18 11:58", "2020-03-18 12:11"),),
        reason="circuit breaker",
        source=_HALTS,
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
    DateOverride(date=date(2027, 3, 26), closed=True, reason="Good Friday, no employment report", source=_BONDS),
    DateOverride(date=date(2028, 4, 14), closed=True, reason="Good Friday, no employment report", source=_BONDS),
)

_HOURS = (
    RegularHours(
        first=date(2010, 1, 1),
        last=date(2012, 11, 16),
        hours="-15:30/-16:30 -17:00/15:15",
        weekdays={0: "-17:00/15:15"},
        anchor="-17:00",
        reason="the day ended at 15:15; evenings of Monday to Thursday belonged to the next trade date",
        source=_HOURS_2012,
    ),
    RegularHours(
        first=date(2012, 11, 19),
        last=date(2015, 9, 18),
        hours="-17:00/15:15 15:30/16:15",
        reason="the day ended at 16:15",
        source="CME Group's notice of 18 November 2012, in eminiroom.com ?id=35",
    ),
    RegularHours(
        first=date(2015, 9, 21),
        last=date(2021, 6, 25),
        hours="-17:00/15:15 15:30/16:00",
        reason="the halt before the last half hour",
        source="ninjatrader.com/Advisories/Advisory25; its end: the library's CME_Equity calendar",
    ),
)

MARKETS = (
    Market(
        calendars=("CME Globex Equity", "CME_Equity", "CBOT_Equity"),
        base="CME Globex Equity",
        hours=_HOURS,
        dates=(*_DATES, *_BEFORE_HOLIDAYS, *_AFTER_HOLIDAYS),
    ),
)
