"""The first day of an exchange's week."""

from __future__ import annotations

from datetime import date, timedelta

# Exchanges that trade from Sunday to Thursday, and the last Sunday on which they do, from the library's own sessions:
# the Saudi Exchange, and the Tel Aviv Stock Exchange, which trades from Monday to Friday since January 2026.
_LAST_SUNDAYS = {"XSAU": date.max, "XTAE": date(2026, 1, 4), "TASE": date(2026, 1, 4)}


def find_week_date(calendar: str, day: date) -> date:
    """The first day of the week of a trading date: its Monday, or its Sunday where the exchange trades on Sundays but
    not on Fridays."""
    sunday = day - timedelta(days=day.isoweekday() % 7)
    return sunday if sunday <= _LAST_SUNDAYS.get(calendar, date.min) else day - timedelta(days=day.weekday())
