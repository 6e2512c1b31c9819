"""Currency futures of CME (FX).

The library checked its rules for 2020 to 2022 only. Before, it lacks the 15:15 closes on Fridays before holidays and
the sessions on Good Fridays with an employment report. After, it lacks the noon closes of holidays that are Fridays,
and the later closes on the day after Thanksgiving and on Christmas Eve.

Currencies traded as on any day in Hurricane Sandy (29 and 30 October 2012) and on the days of mourning (5 December
2018, 9 January 2025): CME closed equity index and interest rates only.

Unknown, so the library's hours stay:

- 29 November 2024: crude oil and metals closed at 12:45. No source was found for currencies (the library: 12:15).
- 26 November 2027: CME's hours are not published. Currencies closed at 13:45 on that day in 2025 and 2026.
"""

from __future__ import annotations

from datetime import date, time

from marketdata.calendars.overrides.good_fridays import CLOSED_GOOD_FRIDAYS
from marketdata.calendars.overrides.model import DateOverride, Market

_LEAN = "QuantConnect Lean, market-hours-database.json: 6E, 6J"
_LEAN_AND_2011 = f"{_LEAN}; for 18 February 2011 tradingmarkets.com 1502672, 'Spotlight on Holiday Trading'"

_FRIDAYS_BEFORE_HOLIDAYS = (
    date(2010, 7, 2),
    date(2010, 9, 3),
    date(2010, 10, 8),
    date(2011, 1, 14),
    date(2011, 2, 18),
    date(2011, 5, 27),
    date(2011, 7, 1),
    date(2011, 9, 2),
    date(2011, 10, 7),
    date(2012, 1, 13),
    date(2012, 2, 17),
    date(2012, 5, 25),
    date(2012, 8, 31),
    date(2012, 10, 5),
    date(2013, 1, 18),
    date(2013, 2, 15),
    date(2013, 5, 24),
    date(2013, 8, 30),
    date(2014, 1, 17),
    date(2014, 2, 14),
    date(2014, 5, 23),
    date(2014, 8, 29),
    date(2015, 1, 16),
    date(2015, 2, 13),
    date(2015, 5, 22),
)
# (date, close, reason, source)
_EARLY_CLOSES = (
    (
        date(2010, 12, 31),
        time(12, 15),
        "New Year's Day is a Saturday",
        "tradingmarkets.com 1395235, 'Holiday Schedule for Year's End', 31 December 2010; " + _LEAN,
    ),
    (date(2012, 4, 6), time(10, 15), "Good Friday, employment report", _LEAN),
    (
        date(2015, 4, 3),
        time(10, 15),
        "Good Friday, employment report",
        f"CME Clearing, FRB 15-03, 25 March 2015 (settlement at 10:00); {_LEAN}",
    ),
    (
        date(2025, 7, 4),
        time(12),
        "Independence Day, a Friday",
        f"gate.io 17211426: currencies stop at 01:00 Beijing; {_LEAN}",
    ),
    (date(2025, 11, 28), time(13, 45), "day after Thanksgiving", _LEAN),
    (
        date(2025, 12, 24),
        time(12, 45),
        "Christmas Eve",
        f"Sina Finance, 24 December 2025: currencies stop at 02:45 Beijing; {_LEAN}",
    ),
    (date(2026, 6, 19), time(12), "Juneteenth, a Friday", _LEAN),
    (date(2026, 7, 3), time(12), "Independence Day, observed on Friday", _LEAN),
    (date(2026, 11, 27), time(13, 45), "day after Thanksgiving", _LEAN),
    (date(2026, 12, 24), time(12, 45), "Christmas Eve", _LEAN),
    (date(2027, 6, 18), time(12), "Juneteenth, observed on Friday", _LEAN),
)

MARKETS = (
    Market(
        calendars=("CMEGlobex_FX", "CME_FX", "CME_Currency"),
        base="CMEGlobex_FX",
        dates=(
            *(
                DateOverride(date=day, close=time(15, 15), reason="Friday before a holiday", source=_LEAN_AND_2011)
                for day in _FRIDAYS_BEFORE_HOLIDAYS
            ),
            *(
                DateOverride(date=day, close=close, reason=reason, source=source)
                for day, close, reason, source in _EARLY_CLOSES
            ),
            *CLOSED_GOOD_FRIDAYS,
        ),
    ),
)
