"""Bars in minutes in which the exchange is closed: outside its regular and its extended hours.

The bars of one closed time are one finding. Two things that are no single event are one finding for each quarter of a
year: bars in the first or last minute of a closed time, which are trades of the session with a wrong stamp, and bars
in most closed times, which show that the calendar is another exchange's.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from marketdata.formatting import format_count
from marketdata.quality.detectors.model import MINUTE, Bars, Detected, SeriesContext
from marketdata.quality.detectors.sessions import Sessions

_EDGE_GROUP = "bars stamped a minute outside the session"
_CALENDAR_GROUP = "bars in most closed times"
# So many closed times of a quarter that have bars, and so large a share of them, are no faults of the bars.
_MIN_CLOSED_TIMES, _MIN_SHARE = 15, 0.3


def find_outside_session(bars: Bars, context: SeriesContext) -> list[Detected]:
    """The bars while the exchange is closed, grouped by closed time or quarter."""
    sessions = context.calendar
    if sessions is None or not len(bars) or not len(sessions.trading_opened):
        return []
    outside = np.flatnonzero(~sessions.is_trading(bars.ts))
    if not len(outside):
        return []
    quarter = _find_quarter(bars.ts[outside])
    closed_time = np.searchsorted(sessions.trading_opened, bars.ts[outside], side="right")
    at_edge = _is_at_edge(bars.ts[outside], closed_time, sessions)
    # What is one finding per quarter is divided by the judged range: a window does not see all of a quarter.
    at_edge_judged = at_edge & context.judges(bars.ts[outside])
    found = []
    for each in np.unique(quarter):
        in_quarter = quarter == each
        found += _find_at_edge(bars, outside[in_quarter & at_edge_judged], context)
        rest = in_quarter & ~at_edge
        found += _find_other(bars, outside[rest], closed_time[rest], sessions, context)
    return sorted(found, key=lambda one: one.start_ns)


def _find_quarter(ts: np.ndarray) -> np.ndarray:
    """The number of the quarter of each UTC time: windows and checks of other ranges divide bars in the same way."""
    days, inverse = np.unique(ts // (1440 * MINUTE), return_inverse=True)
    dates = [datetime.fromtimestamp(int(day) * 86400, UTC) for day in days]
    return np.array([date.year * 4 + (date.month - 1) // 3 for date in dates])[inverse]


def _is_at_edge(ts: np.ndarray, closed_time: np.ndarray, sessions: Sessions) -> np.ndarray:
    """Whether each bar is in the first or last minute of a closed time that has no bars in its other minutes."""
    at_edge = np.isin(ts, sessions.trading_closed) | np.isin(ts + MINUTE, sessions.trading_opened)
    at_edge &= ~np.isin(closed_time, closed_time[~at_edge])
    return at_edge


def _find_at_edge(bars: Bars, found: np.ndarray, context: SeriesContext) -> list[Detected]:
    if not len(found) or len(found) < context.thresholds.outside_session:
        return []
    text = f"{format_count(len(found), 'bar')} stamped in the minute after a close or before an open."
    return [_describe(bars, found, context, text, severity="info", group=_EDGE_GROUP)]


def _find_other(
    bars: Bars, outside: np.ndarray, closed_time: np.ndarray, sessions: Sessions, context: SeriesContext
) -> list[Detected]:
    if not len(outside):
        return []
    groups = np.split(outside, np.flatnonzero(np.diff(closed_time)) + 1)
    between = np.searchsorted(sessions.trading_opened, bars.ts[outside[[0, -1]]])
    if len(groups) >= max(_MIN_CLOSED_TIMES, _MIN_SHARE * (between[1] - between[0] + 1)):
        text = f"Bars in {len(groups):,} closed times: the calendar of the series does not have these hours."
        judged = outside[context.judges(bars.ts[outside])]
        return [_describe(bars, judged, context, text, group=_CALENDAR_GROUP)] if len(judged) else []
    return [
        _describe(bars, group, context, f"{format_count(len(group), 'bar')} while the exchange is closed.")
        for group in groups
        if len(group) >= context.thresholds.outside_session
    ]


def _describe(
    bars: Bars,
    found: np.ndarray,
    context: SeriesContext,
    text: str,
    *,
    severity: str = "warning",
    group: str | None = None,
) -> Detected:
    return Detected(
        kind="outside_session",
        severity=severity,
        start_ns=int(bars.ts[found[0]]),
        end_ns=int(bars.ts[found[-1]]) + MINUTE,
        value=float(len(found)),
        threshold=context.thresholds.outside_session,
        text=text,
        evidence=bars.describe(found),
        group=group,
    )
