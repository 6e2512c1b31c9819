"""Exchange sessions from pandas_market_calendars, with overrides. The only module that imports the library.

pandas takes half a second to import, so functions import it when a calendar is requested.
"""

from __future__ import annotations

import calendar as months
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from marketdata.calendars.overrides import find_override, find_regular_hours

if TYPE_CHECKING:
    from pandas_market_calendars.market_calendar import MarketCalendar

Spans = tuple[tuple[datetime, datetime], ...]

# The library lists these names and raises an error for their sessions.
_BROKEN = {"ASEX", "XBEL", "XBSE", "XCYS", "XSGO"}
# The library uses pandas timestamps, which begin in 1677 and end in 2262.
_YEARS = range(1900, 2200)


class UnknownCalendar(ValueError):
    """No calendar has this name, so the exchange's trading hours are unknown."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'No trading calendar is called "{name}". Names are pandas_market_calendars\', for instance '
            '"CME Globex Equity" or "NYSE"; leave it empty for UTC days.'
        )


@dataclass(frozen=True, slots=True)
class Session:
    """One trading date of an exchange. Times are UTC."""

    date: date
    open: datetime  # scheduled
    spans: Spans  # the half-open intervals in which it was open


def is_known_calendar(name: str) -> bool:
    """Whether a series may have this calendar. An empty name is not a calendar."""
    from pandas_market_calendars import get_calendar_names

    return name in get_calendar_names() and name not in _BROKEN


@lru_cache(maxsize=64)
def get_exchange(name: str) -> Exchange:
    """The exchange's time zone and sessions. Raises `UnknownCalendar` if the library has no calendar of this name."""
    if not is_known_calendar(name):
        raise UnknownCalendar(name)
    from pandas_market_calendars import get_calendar

    with warnings.catch_warnings():
        # The library warns that some exchanges no longer have a midday break.
        warnings.simplefilter("ignore", UserWarning)
        return Exchange(get_calendar(name))


class Exchange:
    """One calendar of the library, with its overrides."""

    def __init__(self, calendar: MarketCalendar) -> None:
        self._calendar = calendar
        # An override applies to all aliases of a calendar: NASDAQ is an alias of NYSE.
        self._names = set(calendar.aliases)
        self.zone = ZoneInfo(str(calendar.tz))
        self._opens = _list_regular_times(calendar, "market_open")
        self._closes = _list_regular_times(calendar, "market_close")

    def day_end(self, day: date) -> datetime:
        """When the trading date ends and the next begins, in UTC.

        An exchange that opens on the evening before ends its day at the regular open (17:00 in Chicago), any other at
        midnight of its time zone.
        """
        opening, offset = _find_regular_time(self._opens, day)
        return self._utc(day, opening) if offset < 0 else self._utc(day + timedelta(days=1), time())

    def list_sessions(self, first: date, last: date) -> list[Session]:
        """The sessions of complete months: `first` is the first day of a month, `last` the last day of one.

        In a month without sessions in the library each weekday is a session without open minutes, so that a bar of
        that month has a trading day.
        """
        sessions = {session.date: session for session in self._list_overridden_sessions(first, last)}
        traded = {(day.year, day.month) for day in sessions}
        for year, month in _list_months(first, last):
            if (year, month) not in traded:
                sessions |= {day: self._make_closed_session(day) for day in _list_weekdays(year, month)}
        return [sessions[day] for day in sorted(sessions)]

    def list_library_sessions(self, first: date, last: date) -> list[Session]:
        """The library's own sessions from `first` to `last`, without overrides."""
        if first.year not in _YEARS or last.year not in _YEARS:
            return []
        schedule = self._calendar.schedule(first, last)
        if schedule.empty:
            return []
        dates = [moment.date() for moment in schedule.index]
        times = [_to_utc(schedule[name].to_numpy("datetime64[s]").tolist()) for name in schedule.columns]
        return [
            Session(day, *_to_open_and_spans(dict(zip(schedule.columns, moments, strict=True))))
            for day, *moments in zip(dates, *times, strict=True)
        ]

    def _list_overridden_sessions(self, first: date, last: date) -> Iterator[Session]:
        for session in self.list_library_sessions(first, last):
            overridden = self._apply_overrides(session)
            if overridden is not None:
                yield overridden

    def _apply_overrides(self, session: Session) -> Session | None:
        day, spans = session.date, session.spans
        for name in self._names:
            if hours := find_regular_hours(name, day):
                regular = self._utc(day, _find_regular_time(self._closes, day)[0])
                close = (hours.friday_close if day.weekday() == 4 else None) or hours.close
                if close and spans[-1][1] == regular:
                    spans = _close_at(spans, self._utc(day, close))
                spans = _remove_interval(spans, *(self._utc(day, moment) for moment in hours.halt))
            if override := find_override(name, day):
                if override.closed:
                    return None
                if override.close:
                    spans = _close_at(spans, self._utc(day, override.close))
                for halt in override.halts:
                    spans = _remove_interval(spans, *(moment.astimezone(UTC) for moment in halt))
        return Session(day, session.open, spans)

    def _make_closed_session(self, day: date) -> Session:
        opening, offset = _find_regular_time(self._opens, day)
        return Session(day, self._utc(day + timedelta(days=offset), opening), ())

    def _utc(self, day: date, moment: time) -> datetime:
        return datetime.combine(day, moment.replace(tzinfo=None), self.zone).astimezone(UTC)


def _to_utc(column: list[datetime]) -> list[datetime]:
    return [moment.replace(tzinfo=UTC) for moment in column]


def _to_open_and_spans(times: dict[str, datetime]) -> tuple[datetime, Spans]:
    opens, closes = times["market_open"], times["market_close"]
    break_start, break_end = times.get("break_start", closes), times.get("break_end", closes)
    return opens, _remove_interval(((opens, closes),), break_start, break_end)


def _close_at(spans: Spans, close: datetime) -> Spans:
    """The spans that begin before `close`; the last of them ends at `close`."""
    begun = [span for span in spans if span[0] < close]
    return (*begun[:-1], (begun[-1][0], close))


def _remove_interval(spans: Spans, start: datetime, end: datetime) -> Spans:
    """The spans without [start, end)."""
    pieces = [piece for span in spans for piece in ((span[0], min(span[1], start)), (max(span[0], end), span[1]))]
    return tuple(piece for piece in pieces if piece[0] < piece[1]) if start < end else spans


def _list_months(first: date, last: date) -> Iterator[tuple[int, int]]:
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield number // 12, number % 12 + 1


def _list_weekdays(year: int, month: int) -> Iterator[date]:
    for number in range(1, months.monthrange(year, month)[1] + 1):
        if (day := date(year, month, number)).weekday() < 5:
            yield day


def _list_regular_times(calendar: MarketCalendar, name: str) -> list[tuple[date, time, int]]:
    """The exchange's regular times of this name, in time order: valid from, the time, and the offset from the trading
    date in days.

    The library gives the date of a change as text or as a pandas Timestamp, and None for the first time.
    """
    return [
        (date.fromisoformat(str(since)[:10]) if since else date.min, moment, offset[0] if offset else 0)
        for since, moment, *offset in calendar.get_time(name, all_times=True)
    ]


def _find_regular_time(regular_times: list[tuple[date, time, int]], day: date) -> tuple[time, int]:
    return next((moment, offset) for since, moment, offset in reversed(regular_times) if since <= day)
