"""Trading days and weeks of an exchange. They tile time: every moment belongs to exactly one day.

- A day ends when the next begins: at 17:00 Chicago for CME, at midnight New York for equities. What falls on a weekend
  or a holiday belongs to the trading day that follows, so no bar is without a day.
- A week holds the trading days whose dates share an ISO week, and is named by its Monday, traded or not.
- A series without a calendar has UTC days that are open all the time, weekends too.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby, pairwise
from operator import attrgetter

from marketdata.calendars.exchange import Session, Spans, exchange

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
# The longest wait for the next trading day: the library's months have at least one session each.
_LONGEST_CLOSURE = timedelta(days=62)

_years: dict[tuple[str, int], tuple[TradingDay, ...]] = {}
_loading = threading.Lock()


@dataclass(frozen=True, slots=True)
class TradingDay:
    """The day of an exchange that has the date `date`; all times are UTC, and all intervals half-open."""

    date: date
    start: datetime
    end: datetime
    open: datetime  # where intraday buckets count from: 17:00 Chicago on Sunday for a Monday, 09:30 New York
    ts: datetime  # what a candle of the whole day is stamped with: 17:00 Chicago the evening before, midnight New York
    spans: Spans  # when it was open: without the daily break, halts, and what an early close cuts off

    @property
    def expected(self) -> int:
        """Minutes that it was open."""
        return sum((end - start) // _MINUTE for start, end in self.spans)


@dataclass(frozen=True, slots=True)
class TradingWeek:
    """The trading days of one ISO week."""

    monday: date
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


def find_trading_days(calendar: str, start: datetime, end: datetime) -> list[TradingDay]:
    """The days that overlap [start, end), in order; none for an empty range. `UnknownCalendar` for a name that no
    calendar has.

    Years are worked out once per process, about 50 ms each: ask for the range of bars that there are, not for all time.
    """
    start, end = start.astimezone(UTC), end.astimezone(UTC)
    if start >= end:
        return []
    if not calendar:
        return list(_utc_days(start, end))
    days = _days_of_years(calendar, (start - _DAY).year, (end + _LONGEST_CLOSURE).year)
    first = bisect_right(days, start, key=attrgetter("end"))
    return days[first : bisect_left(days, end, lo=first, key=attrgetter("start"))]


def find_trading_day(calendar: str, moment: datetime) -> TradingDay:
    """The one day that `moment` belongs to."""
    return find_trading_days(calendar, moment, moment + _MINUTE)[0]


def find_trading_weeks(calendar: str, start: datetime, end: datetime) -> list[TradingWeek]:
    """The weeks that overlap [start, end), each whole: also with its days outside the range."""
    touched = find_trading_days(calendar, start, end)
    if not touched:
        return []
    first, last = to_monday(touched[0].date), to_monday(touched[-1].date)
    around = find_trading_days(calendar, touched[0].start - 7 * _DAY, touched[-1].end + 7 * _DAY)
    return [
        TradingWeek(monday, tuple(days))
        for monday, days in groupby(around, key=lambda day: to_monday(day.date))
        if first <= monday <= last
    ]


def to_monday(day: date) -> date:
    """The Monday of the week that a trading date belongs to."""
    return day - timedelta(days=day.weekday())


def _utc_days(start: datetime, end: datetime) -> Iterator[TradingDay]:
    midnight = datetime.combine(start.date(), time(), UTC)
    while midnight < end:
        following = midnight + _DAY
        yield TradingDay(midnight.date(), midnight, following, midnight, midnight, ((midnight, following),))
        midnight = following


def _days_of_years(calendar: str, first: int, last: int) -> list[TradingDay]:
    years = range(first, last + 1)
    # One at a time: two requests for the same years would both work them out.
    with _loading:
        missing = [year for year in years if (calendar, year) not in _years]
        if missing:
            _load(calendar, missing[0], missing[-1])
    return [day for year in years for day in _years[calendar, year]]


def _load(calendar: str, first: int, last: int) -> None:
    """Work out all days of some years at once: a call of the library costs more than a year in it."""
    source = exchange(calendar)
    # From December on, for the day before the first one. Days of different years are found in the dictionary whole.
    sessions = source.sessions(date(first - 1, 12, 1), date(last, 12, 31))
    days: dict[int, list[TradingDay]] = {year: [] for year in range(first - 1, last + 1)}
    for before, session in pairwise(sessions):
        start, end = source.end_of(before.date), source.end_of(session.date)
        days[session.date.year].append(_day(session, start, end, source.end_of(session.date - _DAY)))
    _years.update({(calendar, year): tuple(days[year]) for year in range(first, last + 1)})


def _day(session: Session, start: datetime, end: datetime, evening_before: datetime) -> TradingDay:
    # Where an exchange moved its opening, a session can begin before the day before it ended.
    spans = tuple(
        (max(opened, start), min(closed, end)) for opened, closed in session.spans if opened < end and closed > start
    )
    return TradingDay(session.date, start, end, min(max(session.open, start), end), max(evening_before, start), spans)
