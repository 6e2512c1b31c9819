"""When an exchange is open: its regular and its extended hours."""

from __future__ import annotations

from datetime import datetime, timedelta

from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import find_trading_days

# The next open minute of an exchange is at most this far away: holidays and weekends in a row.
_LONGEST_CLOSURE = timedelta(days=14)


def find_next_open(calendar: str, moment: datetime) -> datetime | None:
    """The first open minute from `moment` on: `moment` itself while the exchange is open. Times are UTC.

    None if it does not open within two weeks. A series without a calendar is always open. Raises `UnknownCalendar`.
    """
    for day in find_trading_days(calendar, moment, moment + _LONGEST_CLOSURE):
        for start, end in day.list_spans(Hours.ALL):
            if end > moment:
                return max(start, moment)
    return None


def is_open(calendar: str, moment: datetime) -> bool:
    """Whether the exchange trades at this UTC time. Raises `UnknownCalendar`."""
    return find_next_open(calendar, moment) == moment
