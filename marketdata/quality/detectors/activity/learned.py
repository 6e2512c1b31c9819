"""The hours of a series without a calendar, learned from its bars: the hours of the week in which it usually trades."""

from __future__ import annotations

from dataclasses import dataclass
from zoneinfo import ZoneInfo

import numpy as np

from marketdata.quality.detectors.model import DAY, HOUR, MINUTE
from marketdata.quality.detectors.sessions import Sessions

_HOURS = 168
_MIN_WEEKS = 4
# An hour is open if so many of the weeks have a bar in it. Nothing is learned from a series that trades less.
_OPEN_SHARE = 0.75


@dataclass(frozen=True)
class LearnedWeek:
    """Which hours of the week are open, from Thursday 00:00 UTC on, as the time is counted since 1970."""

    is_open: np.ndarray

    def make_sessions(self, start: int, end: int) -> Sessions:
        """The open hours of the UTC days that overlap [start, end), ns."""
        hours = np.arange(start // DAY * 24, -(-end // DAY) * 24)
        return _make_sessions(hours, self.is_open[hours % _HOURS])


def learn_week(ts: np.ndarray) -> LearnedWeek | None:
    """The open hours of the week; None if the bars do not show them. Weeks without any bar show nothing.

    The first and last hour before and after a closed one are left out: daylight saving moves them.
    """
    if not len(ts):
        return None
    hours = np.arange(int(ts[0]) // DAY * 24, (int(ts[-1]) // DAY + 1) * 24)
    week = (hours - hours[0]) // _HOURS
    has_bar = np.isin(hours, ts // HOUR)
    counts = np.bincount(week, has_bar)[week] > 0
    if counts.sum() < _MIN_WEEKS * _HOURS:
        return None
    hours, has_bar = hours[counts], has_bar[counts]
    share = np.bincount(hours % _HOURS, has_bar, _HOURS) / np.bincount(hours % _HOURS, minlength=_HOURS)
    is_open = share >= _OPEN_SHARE
    is_open &= np.roll(is_open, 1) & np.roll(is_open, -1)
    return LearnedWeek(is_open) if is_open.any() else None


def _make_sessions(hours: np.ndarray, is_open: np.ndarray) -> Sessions:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_open, [False]]).astype(np.int8)))
    opened, closed = (hours[0] + edges[::2]) * HOUR, (hours[0] + edges[1::2]) * HOUR
    days = np.arange(hours[0] // 24, hours[-1] // 24 + 1)
    return Sessions(
        ZoneInfo("UTC"),
        days * DAY,
        (days + 1) * DAY,
        days.astype("datetime64[D]"),
        opened,
        closed,
        opened // DAY - days[0],
        opened,
        closed,
    )


def is_always_open(sessions: Sessions) -> bool:
    """Whether no hour is closed, so that no gap can be a holiday or an early close."""
    return len(sessions.opened) == 1 and bool(sessions.closed[0] - sessions.opened[0] > 7 * DAY - MINUTE)
