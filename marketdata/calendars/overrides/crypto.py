"""CME's cryptocurrency futures, checked against CME's notices and schedules from their first day to 2027.

Bitcoin futures opened on 17 December 2017 for trade date 2017-12-18 (CME SER-8051R). The library has sessions before.

Since 29 May 2026 they trade seven days a week (CME rule filing 26-114; CME Globex notice of 25 May 2026):
- A trade date ends at 16:00, and the next begins at 16:02.
- Saturdays have a break from 02:00 to 04:00, for maintenance.
- Trades from Friday 16:02 on have the trade date of Monday.
- A holiday has no trade date. Trading goes on, for the next business day: without the break at 16:00 if the holiday is
  on Monday or Thursday, with it if it is on Friday. No day closes early.

"cmegroup.com trading hours" is the service that fills cmegroup.com/trading-hours.html, as read for these dates. The
project exchange-hours-rs (SharurTrading, on GitHub) quotes these sources in docs/evidence/globex_cryptocurrency.md.

Unknown, or left as in the library:
- Schedules of 2017 and 2018 were not found; the library's tests have them. None was found for 2023-01-16, 2023-02-20
  and 2023-04-07.
- From 2022 to May 2026 CME halted at 16:00, as on other days, on holidays of a Monday or a Thursday, and counted these
  days with the next. They are trading days here.
- CME publishes a year ahead: schedules of 2027 are not final. Holidays after 2027 follow the library, which knows the
  hours before May 2026 only.
"""

from __future__ import annotations

from datetime import date, time, timedelta

from marketdata.calendars.overrides.model import DateOverride, Market, RegularHours, halt

_SERVICE = "cmegroup.com trading hours"
_FILING = "CME rule filing 26-114; CME Globex notice of 25 May 2026"

_HOURS = (
    RegularHours(
        first=date(2026, 5, 30),
        last=date.max,
        hours="-16:02/16:00",
        weekdays={0: "-3d16:02/-2d02:00 -2d04:00/16:00"},
        anchor="-16:00",
        reason="trading on seven days, the weekend for Monday",
        source=_FILING,
    ),
)

_BEFORE_MAY_2026 = (
    DateOverride(
        date=date(2023, 7, 3),
        close=time(16),
        reason="regular close: equity index futures alone closed early",
        source="cmegroup.com/trading-hours/files/4th-of-july-2023.pdf",
    ),
    DateOverride(date=date(2024, 3, 29), closed=True, reason="Good Friday, no employment report", source=_SERVICE),
    DateOverride(
        date=date(2024, 7, 3),
        close=time(16),
        reason="regular close: equity index futures alone closed early",
        source=_SERVICE,
    ),
    DateOverride(date=date(2024, 12, 24), close=time(12, 45), reason="Christmas Eve", source=_SERVICE),
    DateOverride(date=date(2025, 4, 18), closed=True, reason="Good Friday, no employment report", source=_SERVICE),
    DateOverride(
        date=date(2025, 7, 3),
        close=time(16),
        reason="regular close: equity index futures alone closed early",
        source=_SERVICE,
    ),
    DateOverride(date=date(2025, 7, 4), close=time(12), reason="Independence Day, a Friday", source=_SERVICE),
    DateOverride(date=date(2025, 11, 28), close=time(13, 45), reason="day after Thanksgiving", source=_SERVICE),
    DateOverride(date=date(2025, 12, 24), close=time(12, 45), reason="Christmas Eve", source=_SERVICE),
)

# The hours of the trading date after a holiday, by the weekday of the holiday.
_AFTER_HOLIDAY = {
    0: "-4d16:02/-3d02:00 -3d04:00/16:00",
    3: "-2d16:02/16:00",
    4: "-4d16:02/-3d16:00 -3d16:02/-2d02:00 -2d04:00/16:00",
}


def _close_holiday(day: date, name: str) -> DateOverride:
    return DateOverride(date=day, closed=True, reason=f"{name}, no trade date", source=_SERVICE)


def _extend_day_after(holiday: date, name: str) -> DateOverride:
    """The next business day has the trades of a holiday."""
    return DateOverride(
        date=holiday + timedelta(days=3 if holiday.weekday() == 4 else 1),
        hours=_AFTER_HOLIDAY[holiday.weekday()],
        reason=f"has the trades of {name}",
        source=_SERVICE,
    )


_HOLIDAYS = (
    (date(2026, 6, 19), "Juneteenth"),
    (date(2026, 7, 3), "Independence Day"),
    (date(2026, 9, 7), "Labor Day"),
    (date(2026, 11, 26), "Thanksgiving"),
    (date(2027, 1, 18), "Martin Luther King Day"),
    (date(2027, 2, 15), "Presidents' Day"),
    (date(2027, 3, 26), "Good Friday"),
    (date(2027, 5, 31), "Memorial Day"),
    (date(2027, 6, 18), "Juneteenth"),
    (date(2027, 7, 5), "Independence Day"),
    (date(2027, 9, 6), "Labor Day"),
    (date(2027, 11, 25), "Thanksgiving"),
)
# The library has no sessions on these days.
_HOLIDAYS_OF_LIBRARY = (
    (date(2026, 12, 25), "Christmas"),
    (date(2027, 1, 1), "New Year's Day"),
    (date(2027, 12, 24), "Christmas"),
)

_SINCE_MAY_2026 = (
    DateOverride(date=date(2026, 12, 24), close=time(16), reason="Christmas Eve, a regular day", source=_SERVICE),
    DateOverride(
        date=date(2026, 8, 3),
        halts=(halt("2026-08-01 04:00", "2026-08-01 09:00"),),
        reason="longer maintenance on Saturday",
        source="CME Globex notice of 27 July 2026",
    ),
    DateOverride(
        date=date(2026, 8, 31),
        halts=(halt("2026-08-29 04:00", "2026-08-29 06:00"),),
        reason="longer maintenance on Saturday",
        source="CME Globex notice of 24 August 2026",
    ),
    DateOverride(
        date=date(2026, 9, 21),
        halts=(halt("2026-09-19 04:00", "2026-09-19 08:00"),),
        reason="longer maintenance on Saturday",
        source="CME Globex notice of 24 August 2026",
    ),
)

MARKETS = (
    Market(
        calendars=("CME Globex Crypto", "CME Globex Cryptocurrencies"),
        base="CME Globex Crypto",
        hours=_HOURS,
        dates=(
            *_BEFORE_MAY_2026,
            *_SINCE_MAY_2026,
            *(_close_holiday(day, name) for day, name in _HOLIDAYS),
            *(_extend_day_after(day, name) for day, name in (*_HOLIDAYS, *_HOLIDAYS_OF_LIBRARY)),
        ),
    ),
)
