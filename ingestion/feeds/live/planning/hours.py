"""When the exchanges of a dataset's series are open, for the receiver, which reads no database and no calendar."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ingestion.feeds.live.messages import Minutes
from marketdata.calendars.exchange import is_known_calendar
from marketdata.calendars.trading_days import find_trading_days
from marketdata.models import Series

_AHEAD = timedelta(days=28)


def list_open_hours(series: Iterable[Series], start: datetime, now: datetime) -> tuple[Minutes, ...]:
    """The regular hours of the series' calendars from `start` to some weeks after `now`, joined, in time order.

    A series without a known calendar is open all the time.
    """
    stop = now + _AHEAD
    spans: list[tuple[datetime, datetime]] = []
    for calendar in {one.calendar for one in series}:
        if not calendar or not is_known_calendar(calendar):
            return ((to_ns(start), to_ns(stop)),)
        for day in find_trading_days(calendar, start, stop):
            spans += day.spans
    return tuple((to_ns(opened), to_ns(closed)) for opened, closed in _join(spans))


def to_ns(moment: datetime) -> int:
    """Nanoseconds since 1970 of a time with whole microseconds."""
    return int(moment.timestamp()) * 10**9 + moment.microsecond * 1000


def from_ns(moment: int | None) -> datetime | None:
    """The UTC time of nanoseconds since 1970, to the microsecond; None for None."""
    if moment is None:
        return None
    return datetime.fromtimestamp(moment // 10**9, UTC) + timedelta(microseconds=moment % 10**9 // 1000)


def _join(spans: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    joined: list[tuple[datetime, datetime]] = []
    for opened, closed in sorted(spans):
        if joined and opened <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(closed, joined[-1][1]))
        else:
            joined.append((opened, closed))
    return joined
