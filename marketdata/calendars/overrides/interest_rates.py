"""Interest rates of CME and CBOT: Treasuries, SOFR, Eurodollars, Fed funds.

The library has two calendars for this market. "CME Globex Fixed Income" is the base: it has the 15:15 closes before
holidays, Juneteenth and the 10:15 Good Fridays, which CME_Bond lacks. CME_Bond is right on Good Fridays without the
employment report and on the day of mourning of 2018.

Unknown, so the library's hours stay:

- Whether CBOT's Treasury futures opened at 17:30 in 2010: no notice of a change was found. CME's notice of 29 October
  2012 (prnewswire.com 176339591) has them open at 17:00.
- Lean's table and a comment in the library's tests have a 05:00 open of Eurodollars on 2011-12-27, 2012-01-03,
  2012-12-26, 2013-01-02, 2013-12-26 and 2014-01-02. Lean has no such open for Treasuries.
"""

from __future__ import annotations

from datetime import date, time

from marketdata.calendars.overrides.good_fridays import CLOSED_GOOD_FRIDAYS
from marketdata.calendars.overrides.model import DateOverride, Market

_LEAN = "QuantConnect Lean, market-hours-database.json: ZN, GE"

_COLUMBUS_FRIDAYS = (date(2010, 10, 8), date(2011, 10, 7), date(2012, 10, 5))

_EARLY_CLOSES = tuple(
    DateOverride(date=day, close=time(15, 15), reason="Friday before Columbus Day", source=_LEAN)
    for day in _COLUMBUS_FRIDAYS
)

MARKETS = (
    Market(
        calendars=(
            "CME Globex Fixed Income",
            "CME Globex Interest Rate Products",
            "CME_Rate",
            "CBOT_Rate",
            "CME_InterestRate",
            "CBOT_InterestRate",
            "CME_Bond",
            "CBOT_Bond",
        ),
        base="CME Globex Fixed Income",
        dates=(
            *_EARLY_CLOSES,
            DateOverride(
                date=date(2012, 10, 29),
                close=time(11),
                reason="Hurricane Sandy, the cash market closed",
                source="CME Group, Media Alert, 29 October 2012; prnewswire.com 176256901",
            ),
            DateOverride(
                date=date(2018, 12, 5),
                closed=True,
                reason="day of mourning for George H. W. Bush",
                source="CME Group, 2 December 2018; prnewswire.com 300758702",
            ),
            DateOverride(
                date=date(2025, 1, 9),
                close=time(12, 15),
                reason="day of mourning for Jimmy Carter",
                source="CME Group, 30 December 2024; mondovisione.com",
            ),
            *CLOSED_GOOD_FRIDAYS,
        ),
    ),
)
