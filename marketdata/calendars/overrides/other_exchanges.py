"""Exchanges of which the library has two calendars: both are read from the one that is right more often.

The sources are the exchanges' own calendars, by which the two were judged where they differ.

Unknown: EUREX_PrePost has the holidays of the library's EUREX, which are wrong on 24 and 31 December. ASX and XASX
differ by the closing auction, from 16:00 to 16:10, and are unchanged. Sessions on Saturdays and Sundays of the
Indian exchanges (Muhurat trading, budget days) are in neither of their calendars.
"""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from marketdata.calendars.overrides.model import DateOverride, Market, RegularHours

_MOURNING = "CME Group, 30 December 2024 and 2 December 2018: all products but equities and their options traded"

_DAYS_OF_MOURNING = tuple(
    DateOverride(date=day, opened=True, reason="day of mourning: only some products closed early", source=_MOURNING)
    for day in (date(2018, 12, 5), date(2025, 1, 9))
)

# Since 10 December 2018 Eurex opens its bond futures at 01:10 in winter and at 02:10 in summer: 00:10 UTC.
_EUREX = "Eurex circular 088/18 and eurex.com, trading hours; issue 123 of pandas_market_calendars"


def _last_sunday(year: int, month: int) -> date:
    end = date(year, month, 31)
    return end - timedelta(days=end.isoweekday() % 7)


def _list_bond_hours() -> tuple[RegularHours, ...]:
    edges = [date(2018, 12, 10)]
    edges += [_last_sunday(year, month) for year in range(2019, 2100) for month in (3, 10)]
    return tuple(
        RegularHours(
            first=first,
            last=following - timedelta(days=1),
            hours="02:10/22:00" if number % 2 else "01:10/22:00",
            reason="the library has the hours before and since 2018 in the wrong order",
            source=_EUREX,
        )
        for number, (first, following) in enumerate(pairwise(edges))
    )


MARKETS = (
    # CMES and CME_TradeDate are of all products of CME, so a day on which only equities closed early is a trading day.
    Market(calendars=("CMES",), base="CMES", dates=_DAYS_OF_MOURNING),
    Market(calendars=("CME_TradeDate",), base="CME_TradeDate", dates=_DAYS_OF_MOURNING),
    # HKEX lacks the half days, and days on which typhoons closed the exchange.
    Market(
        calendars=("HKEX", "XHKG"),
        base="XHKG",
        dates=(
            DateOverride(
                date=date(2023, 9, 1),
                closed=True,
                reason="typhoon Saola",
                source="the library's HKEX; HKEX, 1 September 2023",
            ),
            DateOverride(
                date=date(2023, 9, 8),
                closed=True,
                reason="black rainstorm",
                source="the library's HKEX; HKEX, 8 September 2023",
            ),
        ),
    ),
    # XSHG lacks the holidays of the coming year.
    Market(calendars=("SSE", "XSHG"), base="SSE"),
    # EUREX trades on 24 and 31 December there, and is closed on days after Christmas on which it trades.
    Market(calendars=("EUREX", "XEUR"), base="XEUR"),
    Market(
        calendars=("EUREX_Bond",),
        base="EUREX_Bond",
        hours=(
            RegularHours(
                first=date(2005, 11, 21),
                last=date(2018, 12, 7),
                hours="08:00/22:00",
                reason="the library has the hours before and since 2018 in the wrong order",
                source=_EUREX,
            ),
            *_list_bond_hours(),
        ),
    ),
    # XTAE has sessions on most holidays of Tel Aviv, and TASE ends all days at 15:59.
    Market(
        calendars=("TASE", "XTAE"),
        base="TASE",
        hours=(
            RegularHours(
                first=date(2010, 1, 1),
                last=date.max,
                hours="09:59/17:15",
                weekdays={6: "09:59/15:40", 4: "09:59/13:50"},
                reason="the day ends at 17:15, on Sundays at 15:40",
                source="the library's XTAE",
            ),
        ),
    ),
    # BMF opens at 10:00 and closes at 17:00 in all years.
    Market(calendars=("BMF", "B3", "BVMF"), base="BVMF"),
    # ICE opens at 20:01.
    Market(calendars=("ICE", "ICEUS", "NYFE", "IEPA"), base="IEPA"),
)
