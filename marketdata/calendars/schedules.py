"""Sessions of pandas_market_calendars as the library has them. The only module that imports it.

pandas takes half a second to import, so functions import it when a calendar is requested.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from pandas_market_calendars.market_calendar import MarketCalendar

# The library lists these names and raises an error for their sessions.
_BROKEN = {"ASEX", "XBEL", "XBSE", "XCYS", "XSGO"}
# The library uses pandas timestamps, which begin in 1677 and end in 2262.
_YEARS = range(1900, 2200)


@dataclass(frozen=True, slots=True)
class LibrarySession:
    """One trading date. Times are UTC; those that the calendar does not have are None."""

    date: date
    open: datetime
    close: datetime
    break_start: datetime | None = None
    break_end: datetime | None = None
    pre: datetime | None = None  # when trading before the regular hours begins
    post: datetime | None = None  # when trading after the regular hours ends
    interruptions: tuple[tuple[datetime, datetime], ...] = ()


class LibraryCalendar:
    """One calendar of the library: its time zone, its regular times, and its sessions."""

    def __init__(self, calendar: MarketCalendar) -> None:
        self._calendar = calendar
        self.kind = type(calendar).__name__  # the same for all aliases
        self.zone = ZoneInfo(str(calendar.tz))
        self._opens = _list_regular_times(calendar, "market_open")
        self._closes = _list_regular_times(calendar, "market_close")

    def find_open(self, day: date) -> tuple[int, time]:
        """The regular open of a trading date: how many days before it, and the time of day."""
        moment, offset = _find_regular_time(self._opens, day)
        return -offset, moment

    def find_close(self, day: date) -> tuple[int, time]:
        """The regular close of a trading date: how many days before it, and the time of day."""
        moment, offset = _find_regular_time(self._closes, day)
        return -offset, moment

    def find_break(self, day: date) -> tuple[time, time] | None:
        """The regular midday break of a trading date, if it has one."""
        if not {"break_start", "break_end"} <= set(self._calendar.regular_market_times):
            return None
        if day >= self._find_end("break_start"):
            return None
        start, end = (
            _find_regular_time(_list_regular_times(self._calendar, name), day)[0]
            for name in ("break_start", "break_end")
        )
        return start, end

    def _find_end(self, name: str) -> date:
        """The first date without the time of this name, for example the break of an exchange that abolished it."""
        ended = self._calendar.discontinued_market_times.get(name)
        return ended.date() if ended else date.max

    @property
    def has_extended_hours(self) -> bool:
        """Whether the exchange trades before or after its regular hours."""
        return bool({"pre", "post"} & set(self._calendar.regular_market_times))

    def list_sessions(self, first: date, last: date) -> list[LibrarySession]:
        """The sessions from `first` to `last`, in time order."""
        if first.year not in _YEARS or last.year not in _YEARS:
            return []
        with warnings.catch_warnings():
            # The library calls what pandas deprecates, and databento's client shows such warnings to users.
            warnings.simplefilter("ignore", DeprecationWarning)
            schedule = self._calendar.schedule(
                first, last, market_times="all", interruptions=bool(self._calendar.interruptions)
            )
        if schedule.empty:
            return []
        columns = {name: _to_utc(schedule[name].to_numpy("datetime64[s]").tolist()) for name in schedule.columns}
        ends = {name: self._find_end(name) for name in columns}
        rows = zip(schedule.index.date, *columns.values(), strict=True)
        return [
            _make_session(
                day, {name: moment for name, moment in zip(columns, moments, strict=True) if day < ends[name]}
            )
            for day, *moments in rows
        ]


def list_names() -> list[str]:
    """The names and aliases of all calendars that have sessions."""
    from pandas_market_calendars import get_calendar_names

    return [name for name in get_calendar_names() if name not in _BROKEN]


def is_known_name(name: str) -> bool:
    """Whether the library has sessions for this name."""
    return name in list_names()


def get_library_calendar(name: str) -> LibraryCalendar:
    """The calendar of a known name."""
    from pandas_market_calendars import get_calendar

    with warnings.catch_warnings():
        # The library warns that some exchanges no longer have a midday break.
        warnings.simplefilter("ignore", UserWarning)
        return LibraryCalendar(get_calendar(name))


def _make_session(day: date, row: dict[str, datetime | None]) -> LibrarySession:
    """The session of one row of the library's schedule."""
    opened, closed = row.pop("market_open"), row.pop("market_close")
    assert opened is not None and closed is not None
    times = {name: row.pop(name, None) for name in ("break_start", "break_end", "pre", "post")}
    stops = [moment for moment in row.values() if moment is not None]
    return LibrarySession(day, opened, closed, **times, interruptions=tuple(zip(stops[::2], stops[1::2], strict=True)))


def _to_utc(column: list[datetime | None]) -> list[datetime | None]:
    return [moment and moment.replace(tzinfo=UTC) for moment in column]


def _list_regular_times(calendar: MarketCalendar, name: str) -> list[tuple[date, time, int]]:
    """The exchange's regular times of this name, in time order: valid from, the time, and the offset from the trading
    date in days.

    The library gives the date of a change as text or as a pandas Timestamp, and None for the first time.
    """
    return [
        (
            date.fromisoformat(str(since)[:10]) if since else date.min,
            moment.replace(tzinfo=None),
            offset[0] if offset else 0,
        )
        for since, moment, *offset in calendar.get_time(name, all_times=True)
    ]


def _find_regular_time(regular_times: list[tuple[date, time, int]], day: date) -> tuple[time, int]:
    return next((moment, offset) for since, moment, offset in reversed(regular_times) if since <= day)
