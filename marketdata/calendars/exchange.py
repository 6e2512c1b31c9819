"""Sessions of an exchange: those of the calendar library, with the overrides of `overrides/`."""

from __future__ import annotations

import calendar as months
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache

from marketdata.calendars.overrides import find_market
from marketdata.calendars.overrides.model import Clock, DateOverride, Hours, Market, parse_hours
from marketdata.calendars.schedules import LibrarySession, get_library_calendar, is_known_name
from marketdata.calendars.spans import Spans, clip_spans, join_spans, remove_interval


class UnknownCalendar(ValueError):
    """No calendar has this name, so the exchange's trading hours are unknown."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f'No trading calendar is called "{name}". Names are pandas_market_calendars\', for instance '
            '"CME Globex Equity" or "NYSE"; leave it empty for UTC days.'
        )


@dataclass(frozen=True, slots=True)
class Session:
    """One trading date of an exchange. Times are UTC.

    `spans` are the intervals of the regular hours, `all_spans` also those of the trading before and after them.
    """

    date: date
    open: datetime  # scheduled: intraday candles count from here
    spans: Spans
    all_spans: Spans


def is_known_calendar(name: str) -> bool:
    """Whether a series may have this calendar. An empty name is not a calendar."""
    return is_known_name(name)


@lru_cache(maxsize=64)
def get_exchange(name: str) -> Exchange:
    """The exchange's time zone and sessions. Raises `UnknownCalendar` if the library has no calendar of this name."""
    if not is_known_calendar(name):
        raise UnknownCalendar(name)
    return Exchange(name, find_market(name) or Market(calendars=(name,), base=name))


class Exchange:
    """One calendar of the library, with its overrides."""

    def __init__(self, name: str, market: Market) -> None:
        self._market = market
        self._library = get_library_calendar(market.base)
        self.zone = get_library_calendar(name).zone
        self.has_extended_hours = bool(market.extended) or self._library.has_extended_hours

    def day_start(self, day: date) -> datetime:
        """When the trading date begins and the one before ends, in UTC.

        An exchange that opens on an earlier day begins at its regular open (17:00 in Chicago), or at the time that
        intraday candles count from if that is earlier. Any other begins at midnight of its time zone.
        """
        hours = self._market.find_hours(day)
        days_before, opening = hours.find_hours(day)[0][0] if hours else self._library.find_open(day)
        if hours and (anchor := hours.find_anchor(day))[0] > 0:
            opening = min(opening, anchor[1])
        return self._utc(day, (days_before, opening) if days_before > 0 else (0, time()))

    def list_sessions(self, first: date, last: date) -> list[Session]:
        """The sessions of complete months: `first` is the first day of a month, `last` the last day of one.

        In a month without sessions in the library each weekday is a session without open minutes, so that a bar of
        that month has a trading day.
        """
        sessions = {session.date: session for session in self._list_overridden_sessions(first, last)}
        traded = {(day.year, day.month) for day in sessions}
        for year, month in _list_months(first, last):
            if (year, month) not in traded:
                sessions |= {day: Session(day, self._find_open(day), (), ()) for day in _list_weekdays(year, month)}
        return [sessions[day] for day in sorted(sessions)]

    def _list_overridden_sessions(self, first: date, last: date) -> Iterator[Session]:
        in_library = set()
        for session in self._library.list_sessions(first, last):
            in_library.add(session.date)
            overrides = self._market.find_dates(session.date)
            is_closed = any(override.closed for override in overrides)
            if not is_closed and session.date.weekday() not in self._market.weekdays_closed:
                yield self._apply_overrides(self._apply_hours(session, overrides), overrides)
        for override in self._market.dates:
            if override.opens_holiday and override.date not in in_library and first <= override.date <= last:
                yield self._apply_overrides(self._make_regular_session(override.date, override.hours), [override])

    def _apply_overrides(self, session: Session, overrides: list[DateOverride]) -> Session:
        spans, all_spans = session.spans, session.all_spans
        for override in overrides:
            if override.close:
                closed = (self._utc(session.date, (0, override.close)), datetime.max.replace(tzinfo=UTC))
                spans, all_spans = remove_interval(spans, *closed), remove_interval(all_spans, *closed)
            for start, end in override.halts:
                spans, all_spans = remove_interval(spans, start, end), remove_interval(all_spans, start, end)
        return replace(session, spans=spans, all_spans=all_spans)

    def _apply_hours(self, session: LibrarySession, overrides: list[DateOverride]) -> Session:
        """The session with the hours of its date or its market."""
        for override in overrides:
            if override.hours:
                return self._make_regular_session(session.date, override.hours)
            if override.close:
                # The override's close may be later than the library's.
                session = replace(session, close=self._utc(session.date, self._library.find_close(session.date)))
        return self._apply_regular_hours(session)

    def _apply_regular_hours(self, session: LibrarySession) -> Session:
        """The session with the regular hours of its market. Special times of the library cut them."""
        hours = self._market.find_hours(session.date)
        if hours is None:
            return self._apply_extended_hours(make_session(session))
        spans = self._list_regular_spans(session.date)
        day = session.date
        start = session.open if session.open != self._utc(day, self._library.find_open(day)) else spans[0][0]
        end = session.close if session.close != self._utc(day, self._library.find_close(day)) else spans[-1][1]
        spans = clip_spans(spans, start, end)
        return Session(day, self._find_open(day), spans, spans)

    def _apply_extended_hours(self, session: Session) -> Session:
        if not self._market.extended:
            return session
        first, last = (self._utc(session.date, clock) for clock in parse_hours(self._market.extended)[0])
        opened, closed = session.spans[0][0], session.spans[-1][1]
        return replace(session, all_spans=join_spans(((first, opened), *session.spans, (closed, last))))

    def _make_regular_session(self, day: date, hours: str = "") -> Session:
        """A session with these hours, by default the regular ones, whatever the library has on this date."""
        spans = self._to_spans(day, parse_hours(hours)) if hours else self._list_regular_spans(day)
        return Session(day, self._find_open(day), spans, spans)

    def _list_regular_spans(self, day: date) -> Spans:
        if hours := self._market.find_hours(day):
            return self._to_spans(day, hours.find_hours(day))
        whole = ((self._utc(day, self._library.find_open(day)), self._utc(day, self._library.find_close(day))),)
        pause = self._library.find_break(day)
        return remove_interval(whole, *(self._utc(day, (0, moment)) for moment in pause)) if pause else whole

    def _to_spans(self, day: date, hours: Hours) -> Spans:
        return tuple((self._utc(day, start), self._utc(day, end)) for start, end in hours)

    def _find_open(self, day: date) -> datetime:
        """What the intraday candles of a trading date count from."""
        hours = self._market.find_hours(day)
        return self._utc(day, hours.find_anchor(day) if hours else self._library.find_open(day))

    def _utc(self, day: date, clock: Clock) -> datetime:
        days_before, moment = clock
        return datetime.combine(day - timedelta(days=days_before), moment, self.zone).astimezone(UTC)


def make_session(session: LibrarySession) -> Session:
    """The session as the library has it."""
    spans: Spans = ((session.open, session.close),)
    if session.break_start and session.break_end:
        spans = remove_interval(spans, session.break_start, session.break_end)
    for start, end in session.interruptions:
        spans = remove_interval(spans, start, end)
    first, last = session.pre or session.open, session.post or session.close
    return Session(
        session.date, session.open, spans, join_spans(((first, session.open), *spans, (session.close, last)))
    )


def _list_months(first: date, last: date) -> Iterator[tuple[int, int]]:
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield number // 12, number % 12 + 1


def _list_weekdays(year: int, month: int) -> Iterator[date]:
    for number in range(1, months.monthrange(year, month)[1] + 1):
        if (day := date(year, month, number)).weekday() < 5:
            yield day
