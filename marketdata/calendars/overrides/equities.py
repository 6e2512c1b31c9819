"""Exchanges of equities and options in the United States.

NYSE agrees with XNYS of exchange_calendars on every day since 2007, and with NYSE Group's own calendars to 2028. Its
halts by circuit breakers are those of March 2020; single stocks have others.

Unknown: when trading after an early close of IEX ends; here at 17:00, as on other days. NYSE's hours before 09:30 and
after 16:00 are those of NYSE Arca and Nasdaq; NYSE itself begins at 07:00, for some stocks only. CFE has the regular
hours of VIX futures alone, and no early close on 24 December: no source for one was found.
"""

from __future__ import annotations

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from marketdata.calendars.overrides.model import DateOverride, Market

_NEW_YORK = ZoneInfo("America/New_York")
_REPORT = "Report of the Market-Wide Circuit Breaker Working Group, 31 March 2021"
_NYSE_GROUP = "NYSE Group's holiday calendars: 1:00 p.m., 1:15 p.m. for eligible options"
_CHRISTMAS_EVES = (2012, 2013, 2014, 2015, 2018, 2019, 2020, 2024, 2025, 2026)


def _circuit_breaker(day: date, start: time, end: time) -> DateOverride:
    """Minutes without any trade: from the first full minute of a halt to the minute in which trading resumed."""
    halt = (datetime.combine(day, start, _NEW_YORK), datetime.combine(day, end, _NEW_YORK))
    return DateOverride(date=day, halts=(halt,), reason="circuit breaker", source=_REPORT)


_CIRCUIT_BREAKERS = (
    _circuit_breaker(date(2020, 3, 9), time(9, 35), time(9, 49)),
    _circuit_breaker(date(2020, 3, 12), time(9, 36), time(9, 50)),
    _circuit_breaker(date(2020, 3, 16), time(9, 31), time(9, 45)),
    _circuit_breaker(date(2020, 3, 18), time(12, 57), time(13, 11)),
)


def _christmas_eves(close: time) -> tuple[DateOverride, ...]:
    return tuple(
        DateOverride(date=date(year, 12, 24), close=close, reason="Christmas Eve", source=_NYSE_GROUP)
        for year in _CHRISTMAS_EVES
    )


MARKETS = (
    Market(calendars=("NYSE", "stock", "NASDAQ", "BATS", "DJIA", "DOW", "XNYS"), base="NYSE", dates=_CIRCUIT_BREAKERS),
    # The library's IEX has sessions on New Year's Day, Labor Day and days of mourning, and no early closes.
    Market(calendars=("IEX", "Investors_Exchange"), base="NYSE", dates=_CIRCUIT_BREAKERS, extended="08:00/17:00"),
    Market(calendars=("CBOE_Equity_Options",), base="CBOE_Equity_Options", dates=_christmas_eves(time(12))),
    Market(calendars=("CBOE_Index_Options",), base="CBOE_Index_Options", dates=_christmas_eves(time(12, 15))),
    # XCBF lacks the early closes of 3 July.
    Market(calendars=("CFE", "CBOE_Futures", "XCBF"), base="CFE"),
)
