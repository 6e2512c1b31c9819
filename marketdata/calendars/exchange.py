"""Sessions as pandas_market_calendars names them, corrected. The only module that knows the library.

pandas takes half a second to import, so nothing is imported before a calendar is asked.
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

# The library lists these and fails when asked for their sessions.
_BROKEN = {"ASEX", "XBEL", "XBSE", "XCYS", "XSGO"}
# Its dates are pandas', which begin in 1677 and end in 2262.
_YEARS = range(1900, 2200)


class UnknownCalendar(ValueError):
    """No calendar has this name, so nobody can say when its exchange trades."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'No trading calendar is called "{name}". Names are pandas_market_calendars\', for instance '
            '"CME Globex Equity" or "NYSE"; leave it empty for UTC days.'
        )


@dataclass(frozen=True, slots=True)
class Session:
    """One trading date: when it was to open, and when it was open."""

    date: date
    open: datetime
    spans: Spans


def is_known_calendar(name: str) -> bool:
    """Whether a series may have this calendar. Empty is no calendar."""
    from pandas_market_calendars import get_calendar_names

    return name in get_calendar_names() and name not in _BROKEN


@lru_cache(maxsize=64)
def exchange(name: str) -> Exchange:
    """The exchange's clock and sessions; `UnknownCalendar` if the library has none of this name."""
    if not is_known_calendar(name):
        raise UnknownCalendar(name)
    from pandas_market_calendars import get_calendar

    with warnings.catch_warnings():
        # That some exchanges gave up their midday break is no news to anyone here.
        warnings.simplefilter("ignore", UserWarning)
        return Exchange(get_calendar(name))


class Exchange:
    """One calendar of the library."""

    def __init__(self, calendar: MarketCalendar) -> None:
        self._calendar = calendar
        # Aliases are corrected with their calendar: NASDAQ is NYSE's.
        self._names = set(calendar.aliases)
        self.zone = ZoneInfo(str(calendar.tz))
        self._opens = _changes(calendar, "market_open")
        self._closes = _changes(calendar, "market_close")

    def end_of(self, day: date) -> datetime:
        """When the trading date ends and the next begins: at the regular open of an exchange that opens the evening
        before (17:00 in Chicago), else at midnight."""
        opening, offset = _in_force(self._opens, day)
        return self._utc(day, opening) if offset < 0 else self._utc(day + timedelta(days=1), time())

    def sessions(self, first: date, last: date) -> list[Session]:
        """The sessions of whole months, from the first of a month to the last of another.

        In a month where the library knows none, each weekday is one, without a minute known to be open: a bar there
        has a day like any other.
        """
        known = {session.date: session for session in self._known(first, last)}
        traded = {(day.year, day.month) for day in known}
        for year, month in _months(first, last):
            if (year, month) not in traded:
                known |= {day: self._unknown(day) for day in _weekdays(year, month)}
        return [known[day] for day in sorted(known)]

    def library_sessions(self, first: date, last: date) -> list[Session]:
        """As the library has them, uncorrected."""
        if first.year not in _YEARS or last.year not in _YEARS:
            return []
        schedule = self._calendar.schedule(first, last)
        if schedule.empty:
            return []
        dates = [moment.date() for moment in schedule.index]
        times = [_moments(schedule[name].to_numpy("datetime64[s]").tolist()) for name in schedule.columns]
        return [
            Session(day, *_open_and_spans(dict(zip(schedule.columns, moments, strict=True))))
            for day, *moments in zip(dates, *times, strict=True)
        ]

    def _known(self, first: date, last: date) -> Iterator[Session]:
        for session in self.library_sessions(first, last):
            corrected = self._corrected(session)
            if corrected is not None:
                yield corrected

    def _corrected(self, session: Session) -> Session | None:
        day, spans = session.date, session.spans
        for name in self._names:
            if hours := find_regular_hours(name, day):
                regular = self._utc(day, _in_force(self._closes, day)[0])
                close = (hours.friday_close if day.weekday() == 4 else None) or hours.close
                if close and spans[-1][1] == regular:
                    spans = _closing(spans, self._utc(day, close))
                spans = _without(spans, *(self._utc(day, moment) for moment in hours.halt))
            if correction := find_override(name, day):
                if correction.closed:
                    return None
                if correction.close:
                    spans = _closing(spans, self._utc(day, correction.close))
                for halt in correction.halts:
                    spans = _without(spans, *(moment.astimezone(UTC) for moment in halt))
        return Session(day, session.open, spans)

    def _unknown(self, day: date) -> Session:
        opening, offset = _in_force(self._opens, day)
        return Session(day, self._utc(day + timedelta(days=offset), opening), ())

    def _utc(self, day: date, moment: time) -> datetime:
        return datetime.combine(day, moment.replace(tzinfo=None), self.zone).astimezone(UTC)


def _moments(column: list[datetime]) -> list[datetime]:
    return [moment.replace(tzinfo=UTC) for moment in column]


def _open_and_spans(times: dict[str, datetime]) -> tuple[datetime, Spans]:
    opens, closes = times["market_open"], times["market_close"]
    break_start, break_end = times.get("break_start", closes), times.get("break_end", closes)
    return opens, _without(((opens, closes),), break_start, break_end)


def _closing(spans: Spans, close: datetime) -> Spans:
    """The last span ends at `close`, or the one before it if that is earlier."""
    kept = [span for span in spans if span[0] < close]
    return (*kept[:-1], (kept[-1][0], close))


def _without(spans: Spans, start: datetime, end: datetime) -> Spans:
    """What is left of `spans` when nothing is open from `start` to `end`."""
    pieces = [piece for span in spans for piece in ((span[0], min(span[1], start)), (max(span[0], end), span[1]))]
    return tuple(piece for piece in pieces if piece[0] < piece[1]) if start < end else spans


def _months(first: date, last: date) -> Iterator[tuple[int, int]]:
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield number // 12, number % 12 + 1


def _weekdays(year: int, month: int) -> Iterator[date]:
    for number in range(1, months.monthrange(year, month)[1] + 1):
        if (day := date(year, month, number)).weekday() < 5:
            yield day


def _changes(calendar: MarketCalendar, what: str) -> list[tuple[date, time, int]]:
    """The exchange's regular times: from when on, the time, and on which day after the trading date's.

    The library writes the day of a change as text or as a pandas Timestamp, and leaves out the first one.
    """
    return [
        (date.fromisoformat(str(since)[:10]) if since else date.min, moment, offset[0] if offset else 0)
        for since, moment, *offset in calendar.get_time(what, all_times=True)
    ]


def _in_force(changes: list[tuple[date, time, int]], day: date) -> tuple[time, int]:
    return next((moment, offset) for since, moment, offset in reversed(changes) if since <= day)
