"""Missing bars: gaps that the activity of the series does not explain. `activity` judges each gap.

Gaps before the first bar of a range of life and after its last are not judged: the series had not begun to trade, or
has stopped. What should have come by now is `silence`. All findings of a trading day are one group: a halt or a price
limit is one event.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from marketdata.formatting import format_count
from marketdata.quality.detectors.activity.families import AT_EDGE, BUSY
from marketdata.quality.detectors.activity.holes import ReadSessions, find_next_bar
from marketdata.quality.detectors.activity.judge import judge_gaps
from marketdata.quality.detectors.activity.learned import is_always_open, learn_week
from marketdata.quality.detectors.activity.ranges import MissingRange, list_ranges
from marketdata.quality.detectors.activity.timeline import Gaps, Timeline, make_timeline
from marketdata.quality.detectors.events.locks import is_gap_in_lock
from marketdata.quality.detectors.model import DAY, MINUTE, Bars, Detected, SeriesContext, Span
from marketdata.quality.detectors.sessions import Sessions

# The activity of a month is learned from these days before and after it too: with the month, 40 to 50 trading days.
_LEAD, _TAIL = 30 * DAY, 10 * DAY
_MIN_TRADING_DAYS = 15
# Shorter gaps are not judged: in busy hours a pause of some minutes is rare, and still no loss.
_MIN_MINUTES = 4
# Learned hours are less certain than a calendar.
_MORE_WITHOUT_CALENDAR = 1.5
# Without a calendar, a shorter gap that begins or ends with a session can be holidays.
_MAX_HOLIDAYS = 10 * DAY
# In quiet hours, and at opens and closes, less is known of what is usual than in hours with a bar in each minute.
_MORE_WHEN_QUIET = 0.3
# From so many bars that should be there on it is an error.
_MANY_BARS = 60


def find_missing(bars: Bars, context: SeriesContext) -> list[Detected]:
    """The gaps that start within the judged range and occur by chance less often than the threshold allows."""
    hours = _find_hours(bars.ts, context) if len(bars) else None
    if hours is None or not len(hours.sessions.day_start):
        return []
    found = (_find_in_month(bars, hours, context, month) for month in _list_months(context.judged))
    return [detected for month in found for detected in month]


@dataclass(frozen=True)
class _Hours:
    """When the series trades: in the window, and a function that reads it for other ranges."""

    sessions: Sessions
    read: ReadSessions


def _find_hours(ts: np.ndarray, context: SeriesContext) -> _Hours | None:
    sessions = context.calendar
    if sessions is not None:
        return _Hours(sessions, context.read_calendar or (lambda start, end: sessions))
    week, stop = learn_week(ts), int(ts[-1]) + MINUTE
    if week is None:
        return None
    if find_next_bar(ts, context, stop) is not None:
        stop = max(stop, context.judged[1] + _TAIL)
    return _Hours(week.make_sessions(int(ts[0]), stop), week.make_sessions)


def _find_in_month(bars: Bars, hours: _Hours, context: SeriesContext, month: Span) -> list[Detected]:
    ts, sessions = bars.ts, hours.sessions
    span = _clip(ts, context, _find_reference(sessions, month))
    timeline = make_timeline(ts, sessions, context, *span)
    if not timeline.has_bar.any():
        return []
    judged = judge_gaps(timeline)
    threshold = context.thresholds.missing + (0 if context.calendar else _MORE_WITHOUT_CALENDAR)
    start = timeline.ts[judged.gaps.start]
    needed = threshold + np.where(judged.family == BUSY, 0.0, _MORE_WHEN_QUIET)
    is_found = (judged.score >= needed) & (judged.gaps.end - judged.gaps.start >= _MIN_MINUTES)
    is_found &= (start >= max(month[0], context.judged[0])) & (start < min(month[1], context.judged[1]))
    next_bar = find_next_bar(ts, context, span[1])
    is_found &= _is_between_bars(timeline, judged.gaps, goes_on=next_bar is not None)
    if context.calendar is None and not is_always_open(sessions):
        is_found &= (judged.family != AT_EDGE) | _is_long(timeline, judged.gaps, next_bar)
    missing = list_ranges(
        timeline, judged, np.flatnonzero(is_found), next_bar=next_bar, context=context, read=hours.read
    )
    return [
        _describe(sessions, each, threshold)
        for each in missing
        # No market is at its limit for as long as a gap that goes on.
        if each.goes_on or not is_gap_in_lock(bars, (each.start, each.end), context)
    ]


def _is_long(timeline: Timeline, gaps: Gaps, next_bar: int | None) -> np.ndarray:
    """Whether each gap is too long to be a holiday or an early close. `next_bar`: the first after the timeline."""
    ends = np.append(timeline.ts, next_bar or timeline.ts[-1])[gaps.end]
    is_long: np.ndarray = ends - timeline.ts[gaps.start] > _MAX_HOLIDAYS
    return is_long


def _list_months(judged: Span) -> Iterator[Span]:
    """The UTC months that overlap the range. Whole months, so that a shorter check learns the same activity."""
    first, last = (datetime.fromtimestamp(ns // 10**9, UTC) for ns in (judged[0], judged[1] - 1))
    for number in range(first.year * 12 + first.month - 1, last.year * 12 + last.month):
        yield _find_month_start(number), _find_month_start(number + 1)


def _find_month_start(number: int) -> int:
    return int(datetime(number // 12, number % 12 + 1, 1, tzinfo=UTC).timestamp()) * 10**9


def _find_reference(sessions: Sessions, month: Span) -> Span:
    """The range to learn from: whole trading days around the month, and all that there are if these are few."""
    first = int(np.searchsorted(sessions.day_end, month[0] - _LEAD, side="right"))
    last = int(np.searchsorted(sessions.day_start, month[1] + _TAIL, side="left"))
    if last - first < _MIN_TRADING_DAYS:
        first, last = 0, len(sessions.day_start)
    return int(sessions.day_start[first]), int(sessions.day_end[last - 1])


def _clip(ts: np.ndarray, context: SeriesContext, reference: Span) -> Span:
    """The reference from the first bar to the last one of the series, which can come after the window."""
    stop = int(ts[-1]) + MINUTE
    if stop < reference[1] and find_next_bar(ts, context, stop) is not None:
        stop = reference[1]
    return max(reference[0], int(ts[0])), min(reference[1], stop)


def _is_between_bars(timeline: Timeline, gaps: Gaps, *, goes_on: bool) -> np.ndarray:
    """Whether a bar of the same range of life is before each gap and one after it. `goes_on`: a bar is after the
    timeline, so also after the gap at its end."""
    bars = np.concatenate([[0], np.cumsum(timeline.has_bar)])
    part = timeline.part[gaps.start]
    part_start = np.searchsorted(timeline.part, part, side="left")
    part_end = np.searchsorted(timeline.part, part, side="right")
    has_after = (bars[part_end] > bars[gaps.end]) | (goes_on & (gaps.end == len(timeline)))
    between: np.ndarray = (bars[gaps.start] > bars[part_start]) & has_after
    return between


def _describe(sessions: Sessions, missing: MissingRange, threshold: float) -> Detected:
    day = sessions.day_date[int(sessions.find_day(np.array([missing.start]))[0])]
    minutes = format_count(missing.minutes, "open minute")
    return Detected(
        kind="missing",
        severity="error" if missing.expected >= _MANY_BARS else "warning",
        start_ns=missing.start,
        end_ns=missing.end,
        value=round(missing.score, 2),
        threshold=threshold,
        text=f"No bar in {minutes}, of which about {max(round(missing.expected), 1):,} usually have one.",
        group=f"missing on {day}",
    )
