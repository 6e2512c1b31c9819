"""What an override of the calendar library is: a market, its regular hours, and single trading dates.

Times of day are in the time zone of the exchange, and all intervals are half-open.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

CHICAGO = ZoneInfo("America/Chicago")

# A time of day, and how many days before the trading date: "16:00", "-17:00" (the day before), "-3d17:00".
_CLOCK = re.compile(r"(?:-(?:(\d)d)?)?(\d\d:\d\d)")

# One interval of a trading date: days before it and time of day, of the start and of the end.
Clock = tuple[int, time]
Hours = tuple[tuple[Clock, Clock], ...]


@dataclass(frozen=True, kw_only=True)
class DateOverride:
    """What is right for one trading date: closed, another close, other hours, or halted in some intervals.

    A halt also expresses a late open. `close` replaces the library's close, also by a later one. `hours` replaces all
    hours of the date, written as in `RegularHours`. If the library has no session on this date, `hours`, `close` or
    `opened` adds one, by default with the regular hours up to `close`.
    """

    date: date
    reason: str
    source: str
    closed: bool = False
    opened: bool = False
    close: time | None = None
    hours: str = ""
    halts: tuple[tuple[datetime, datetime], ...] = ()

    @property
    def opens_holiday(self) -> bool:
        """Whether the exchange traded on this date, also if the library has it as a holiday."""
        return self.opened or self.close is not None or bool(self.hours)


@dataclass(frozen=True, kw_only=True)
class RegularHours:
    """What is right for regular trading dates from `first` to `last`, inclusive.

    `hours` lists the intervals of a trading date: "-17:00/15:15 15:30/16:00" opens at 17:00 on the day before.
    `weekdays` has the hours of single weekdays, 0 for Monday. `anchor` is the time that intraday candles count from; by
    default the opening. A special close of the library cuts these hours.
    """

    first: date
    last: date
    reason: str
    source: str
    hours: str
    weekdays: dict[int, str] = field(default_factory=dict)
    anchor: str = ""

    def find_hours(self, day: date) -> Hours:
        """The intervals of a trading date, in time order."""
        return parse_hours(self.weekdays.get(day.weekday(), self.hours))

    def find_anchor(self, day: date) -> Clock:
        """What the intraday candles of a trading date count from."""
        return parse_clock(self.anchor) if self.anchor else self.find_hours(day)[0][0]


@dataclass(frozen=True, kw_only=True)
class Market:
    """Calendars of the library that have the same hours, and what is right for them.

    All `calendars`, names and aliases, are read from `base`, the one that agrees with the exchange more often.
    `weekdays_closed` are weekdays without trading dates although the library has sessions on them, 0 for Monday.
    `extended` are the hours with those before and after the regular ones: "08:00/17:00".
    """

    calendars: tuple[str, ...]
    base: str
    hours: tuple[RegularHours, ...] = ()
    dates: tuple[DateOverride, ...] = ()
    weekdays_closed: tuple[int, ...] = ()
    extended: str = ""

    def find_hours(self, day: date) -> RegularHours | None:
        """The regular hours that replace the library's on this day, if there are any."""
        return next((hours for hours in self.hours if hours.first <= day <= hours.last), None)

    def find_dates(self, day: date) -> list[DateOverride]:
        """The overrides of one trading date."""
        return self._dates.get(day, [])

    @cached_property
    def _dates(self) -> dict[date, list[DateOverride]]:
        by_date: dict[date, list[DateOverride]] = {}
        for override in self.dates:
            by_date.setdefault(override.date, []).append(override)
        return by_date


def parse_hours(text: str) -> Hours:
    """The intervals of "-17:00/15:15 15:30/16:00"."""
    intervals = (part.split("/") for part in text.split())
    return tuple((parse_clock(start), parse_clock(end)) for start, end in intervals)


def parse_clock(text: str) -> Clock:
    """Days before the trading date, and time of day. Raises `ValueError` for other texts."""
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise ValueError(f'"{text}" is not a time such as 16:00, -17:00 or -3d17:00')
    days, clock = found.groups()
    return int(days or text.startswith("-")), time.fromisoformat(clock)


def chicago(text: str) -> datetime:
    """The moment of "2015-06-30 19:45" in Chicago."""
    return datetime.fromisoformat(text).replace(tzinfo=CHICAGO)


def halt(start: str, end: str) -> tuple[datetime, datetime]:
    """The interval between two times in Chicago: "2020-03-09 08:36", "2020-03-09 08:49"."""
    return chicago(start), chicago(end)


def day_before(day: date) -> date:
    return day - timedelta(days=1)
