"""Trading days and weeks of an exchange. Every moment belongs to exactly one day.

- A day ends when the next begins: at 17:00 Chicago for CME, at midnight New York for equities. A weekend or a holiday
  belongs to the trading day that follows, so every bar has a day.
- A week runs from Monday to Sunday, and its date is its Monday, also if that is a holiday. Where an exchange trades
  from Sunday to Thursday, the week begins on Sunday (see `weeks`).
- A day is open in its regular hours, and each of their minutes should have a bar. Equities also trade before and after
  them: these extended hours may have bars, and no bar is missing there.
- A series without a calendar has UTC days that are open all the time, also on weekends.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from operator import attrgetter
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from marketdata.calendars import stored
from marketdata.calendars.exchange import Session, get_exchange
from marketdata.calendars.hours import Hours
from marketdata.calendars.spans import Spans, clip_spans
from marketdata.calendars.weeks import find_week_date

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
# The next trading day is at most this far away: `Exchange.list_sessions` has one or more in each month.
_LONGEST_CLOSURE = timedelta(days=62)

_years: dict[tuple[str, int], tuple[TradingDay, ...]] = {}
_zones: dict[str, str] = {}  # of the calendars whose days were read from files
_load_lock = threading.Lock()


class DaySeconds(NamedTuple):
    """The times of a trading day in seconds since 1970."""

    start: int
    end: int
    open: int
    ts: int
    spans: tuple[tuple[int, int], ...]
    all_spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class TradingDay:
    """The trading day of an exchange. All times are UTC, and all intervals are half-open."""

    date: date
    start: datetime
    end: datetime
    open: datetime  # intraday buckets count from here: 17:00 Chicago on Sunday for a Monday, 09:30 New York
    ts: datetime  # the timestamp of the day's candle: 17:00 Chicago on the evening before, midnight New York
    spans: Spans  # its regular hours: without the daily break, halts, and the time after an early close
    all_spans: Spans  # these and the extended hours
    _seconds: DaySeconds | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def seconds(self) -> DaySeconds:
        """The times as seconds since 1970, computed once: a page of candles needs those of thousands of days."""
        if self._seconds is None:
            object.__setattr__(self, "_seconds", _compute_seconds(self))
        return self._seconds  # type: ignore[return-value]  # set above

    def list_spans(self, hours: Hours) -> Spans:
        """When it traded within these hours."""
        return self.spans if hours is Hours.REGULAR else self.all_spans

    def find_close(self, hours: Hours) -> datetime:
        """When trading within these hours ends; the end of the day if there was none."""
        spans = self.list_spans(hours)
        return spans[-1][1] if spans else self.end

    @property
    def expected(self) -> int:
        """How many minutes it was open."""
        return sum((end - start) // _MINUTE for start, end in self.spans)


@dataclass(frozen=True, slots=True)
class TradingWeek:
    """The trading days of one week. `date` is the first day of the week, whether it is a trading date or not."""

    date: date
    days: tuple[TradingDay, ...]

    @property
    def start(self) -> datetime:
        return self.days[0].start

    @property
    def end(self) -> datetime:
        return self.days[-1].end

    @property
    def ts(self) -> datetime:
        return self.days[0].ts

    @property
    def expected(self) -> int:
        return sum(day.expected for day in self.days)


def _compute_seconds(day: TradingDay) -> DaySeconds:
    start, end, opened, ts = (int(one.timestamp()) for one in (day.start, day.end, day.open, day.ts))
    spans, all_spans = (
        tuple((int(first.timestamp()), int(stop.timestamp())) for first, stop in many)
        for many in (day.spans, day.all_spans)
    )
    return DaySeconds(start, end, opened, ts, spans, spans if day.all_spans == day.spans else all_spans)


def find_trading_days(calendar: str, start: datetime, end: datetime) -> list[TradingDay]:
    """The days that overlap [start, end), in time order; none for an empty range.

    Raises `UnknownCalendar` for a name that no calendar has. A process computes each year once, in about 50 ms: request
    the range that has bars, not all time.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start >= end:
        return []
    if not calendar:
        return list(_utc_days(start, end))
    days = _find_days_by_year(calendar, (start - _DAY).year, (end + _LONGEST_CLOSURE).year)
    first = bisect_right(days, start, key=attrgetter("end"))
    return days[first : bisect_left(days, end, lo=first, key=attrgetter("start"))]


def find_trading_day(calendar: str, moment: datetime) -> TradingDay:
    """The one day that `moment` belongs to."""
    return find_trading_days(calendar, moment, moment + _MINUTE)[0]


def find_trading_weeks(calendar: str, start: datetime, end: datetime) -> list[TradingWeek]:
    """The weeks that overlap [start, end), each with all its days, also those outside the range."""
    overlapping = find_trading_days(calendar, start, end)
    if not overlapping:
        return []
    first, last = (find_week_date(calendar, day.date) for day in (overlapping[0], overlapping[-1]))
    around = find_trading_days(calendar, overlapping[0].start - 7 * _DAY, overlapping[-1].end + 7 * _DAY)
    return [
        TradingWeek(week, tuple(days))
        for week, days in groupby(around, key=lambda day: find_week_date(calendar, day.date))
        if first <= week <= last
    ]


def _utc_days(start: datetime, end: datetime) -> Iterator[TradingDay]:
    midnight = datetime.combine(start.date(), time(), UTC)
    while midnight < end:
        following = midnight + _DAY
        spans = ((midnight, following),)
        yield TradingDay(midnight.date(), midnight, following, midnight, midnight, spans, spans)
        midnight = following


def _find_days_by_year(calendar: str, first: int, last: int) -> list[TradingDay]:
    years = range(first, last + 1)
    # Without the lock two requests for the same years would both compute them.
    with _load_lock:
        missing = [year for year in years if (calendar, year) not in _years and not _read_stored(calendar, year)]
        if missing:
            _load_years(calendar, missing[0], missing[-1])
    return [day for year in years for day in _years[calendar, year]]


def has_years(calendar: str, first: int, last: int) -> bool:
    """Whether the days of these years are known without the library, which takes a second."""
    with _load_lock:
        return all((calendar, year) in _years or _read_stored(calendar, year) for year in range(first, last + 1))


def _load_years(calendar: str, first: int, last: int) -> None:
    """Compute all days of these years by one call of the library: a call costs more than a year within it."""
    exchange = get_exchange(calendar)
    # The first day begins where the last one of December before ends.
    sessions = exchange.list_sessions(date(first - 1, 12, 1), date(last, 12, 31))
    days: dict[int, list[TradingDay]] = {year: [] for year in range(first - 1, last + 1)}
    for before, session in pairwise(sessions):
        start, end = exchange.day_start(before.date + _DAY), exchange.day_start(session.date + _DAY)
        days[session.date.year].append(_make_day(session, start, end, exchange.day_start(session.date)))
    _years.update({(calendar, year): tuple(days[year]) for year in range(first, last + 1)})
    for year in range(first, last + 1):
        rows = [_to_row(day) for day in days[year]]
        stored.write_year(calendar, year, stored.StoredYear(str(exchange.zone), rows))


def find_zone(calendar: str) -> ZoneInfo:
    """The time zone of a calendar, UTC for an empty name. Raises `UnknownCalendar`."""
    if not calendar:
        return ZoneInfo("UTC")
    return ZoneInfo(_zones[calendar]) if calendar in _zones else get_exchange(calendar).zone


def _read_stored(calendar: str, year: int) -> bool:
    """Whether the days of this year were stored, and are known now."""
    found = stored.read_year(calendar, year)
    if found is None:
        return False
    _zones[calendar] = found.zone
    _years[calendar, year] = tuple(map(_from_row, found.days))
    return True


def _to_row(day: TradingDay) -> stored.Row:
    return [day.date.isoformat(), *day.seconds]


def _from_row(row: Any) -> TradingDay:
    named, start, end, opened, ts, spans, all_spans = row
    return TradingDay(
        date.fromisoformat(named),
        _to_moment(start),
        _to_moment(end),
        _to_moment(opened),
        _to_moment(ts),
        tuple((_to_moment(first), _to_moment(stop)) for first, stop in spans),
        tuple((_to_moment(first), _to_moment(stop)) for first, stop in all_spans),
    )


def _to_moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def _make_day(session: Session, start: datetime, end: datetime, regular_start: datetime) -> TradingDay:
    # Where an exchange moved its opening, a session can begin before the previous day ends.
    return TradingDay(
        session.date,
        start,
        end,
        min(max(session.open, start), end),
        max(regular_start, start),
        clip_spans(session.spans, start, end),
        clip_spans(session.all_spans, start, end),
    )
