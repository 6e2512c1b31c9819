"""The hours of a series without a calendar, learned from its bars: the hours of the week in which it usually trades."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np

from marketdata.quality.detectors.model import DAY, HOUR, MINUTE
from marketdata.quality.detectors.sessions import Sessions

_HOURS = 168
_MIN_WEEKS = 4
# An hour is open if so many of the weeks have a bar in it. Nothing is learned from a series that trades less.
_OPEN_SHARE = 0.75


def learn_sessions(ts: np.ndarray) -> Sessions | None:
    """The open hours from the first to the last bar, in UTC days; None if the bars do not show them.

    The first and last hour before and after a closed one are left out: daylight saving moves them.
    """
    if not len(ts):
        return None
    first_day, last_day = int(ts[0]) // DAY, int(ts[-1]) // DAY
    hours = np.arange(first_day * 24, (last_day + 1) * 24)
    if len(hours) < _MIN_WEEKS * _HOURS:
        return None
    has_bar = np.isin(hours, ts // HOUR)
    share = np.bincount(hours % _HOURS, has_bar, _HOURS) / np.bincount(hours % _HOURS, minlength=_HOURS)
    is_open = share >= _OPEN_SHARE
    is_open &= np.roll(is_open, 1) & np.roll(is_open, -1)
    if not is_open.any():
        return None
    return _make_sessions(hours, is_open[hours % _HOURS])


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
