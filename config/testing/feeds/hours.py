"""When the invented market is open: CME Globex's hours, in Chicago's time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from .times import MINUTE, to_day, to_ns

CHICAGO = ZoneInfo("America/Chicago")


def get_session(trading_day: date, holidays: Collection[date], early: Mapping[date, int]) -> tuple[int, int] | None:
    """Start and end (ns) of a trading day, which starts at 17:00 of the day before; None if the market is closed.
    `early` has the hour of the close on days that end before 16:00."""
    if trading_day.weekday() >= 5 or trading_day in holidays:
        return None
    eve = trading_day - timedelta(days=1)
    opens = datetime(eve.year, eve.month, eve.day, 17, tzinfo=CHICAGO)
    hour = early.get(trading_day, 16)
    closes = datetime(trading_day.year, trading_day.month, trading_day.day, hour, tzinfo=CHICAGO)
    return to_ns(opens.astimezone(UTC)), to_ns(closes.astimezone(UTC))


def list_open_minutes(start: int, end: int, holidays: Collection[date], early: Mapping[date, int]) -> np.ndarray:
    """All minutes (ns) of [start, end) in which the market is open."""
    parts = [np.zeros(0, np.int64)]
    day = to_day(start) - timedelta(days=1)
    while start < end and day <= to_day(end) + timedelta(days=2):
        if hours := get_session(day, holidays, early):
            first, last = max(hours[0], -(-start // MINUTE) * MINUTE), min(hours[1], end)
            parts.append(np.arange(first, max(first, last), MINUTE, dtype=np.int64))
        day += timedelta(days=1)
    return np.concatenate(parts)
