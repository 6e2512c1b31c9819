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
from marketdata.quality.detectors.activity.judge import JudgedGaps, judge_gaps
from marketdata.quality.detectors.activity.learned import is_always_open, learn_sessions
from marketdata.quality.detectors.activity.timeline import Gaps, Timeline, make_timeline
from marketdata.quality.detectors.events.locks import is_gap_in_lock
from marketdata.quality.detectors.model import DAY, MINUTE, Bars, Detected, SeriesContext, Span
from marketdata.quality.detectors.sessions import Sessions

# The activity of a month is learned from these days before and after it too: with the month, 40 to 50 trading days.
_LEAD, _TAIL = 30 * DAY, 10 * DAY
_MIN_TRADING_DAYS = 15
# Shorter gaps are not judged: in busy hours a pause of some minutes is rare, and still no loss.
_MIN_MINUTES = 4
# Missing ranges with so few minutes between them are one: in a halt or at a price limit some bars come in between.
_MAX_BETWEEN = 10
# Learned hours are less certain than a calendar.
_MORE_WITHOUT_CALENDAR = 1.5
# In quiet hours, and at opens and closes, less is known of what is usual than in hours with a bar in each minute.
_MORE_WHEN_QUIET = 0.3
# From so many bars that should be there on it is an error.
_MANY_BARS = 60


def find_missing(bars: Bars, context: SeriesContext) -> list[Detected]:
    """The gaps that start within the judged range and occur by chance less often than the threshold allows."""
    sessions = context.calendar or learn_sessions(bars.ts)
    if sessions is None or not len(bars) or not len(sessions.day_start):
        return []
    found = (_find_in_month(bars, sessions, context, month) for month in _list_months(context.judged))
    return [detected for month in found for detected in month]


def _find_in_month(bars: Bars, sessions: Sessions, context: SeriesContext, month: Span) -> list[Detected]:
    ts = bars.ts
    timeline = make_timeline(ts, sessions, context, *_clip(ts, sessions, context, _find_reference(sessions, month)))
    if not timeline.has_bar.any():
        return []
    judged = judge_gaps(timeline)
    threshold = context.thresholds.missing + (0 if context.calendar else _MORE_WITHOUT_CALENDAR)
    start = timeline.ts[judged.gaps.start]
    needed = threshold + np.where(judged.family == BUSY, 0.0, _MORE_WHEN_QUIET)
    is_found = (judged.score >= needed) & (judged.gaps.end - judged.gaps.start >= _MIN_MINUTES)
    is_found &= (start >= max(month[0], context.judged[0])) & (start < min(month[1], context.judged[1]))
    is_found &= _is_between_bars(timeline, judged.gaps)
    if context.calendar is None and not is_always_open(sessions):
        # These can be a holiday or an early close.
        is_found &= judged.family != AT_EDGE
    missing = _join_near(judged, np.flatnonzero(is_found))
    described = (_describe(timeline, sessions, each, threshold) for each in missing)
    return [one for one in described if not is_gap_in_lock(bars, (one.start_ns, one.end_ns), context)]


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


def _clip(ts: np.ndarray, sessions: Sessions, context: SeriesContext, reference: Span) -> Span:
    """The reference from the first to the last bar: more is not known to be missing.

    But a continuous series has bars until its life ends. If none is in the tail, they are missing there.
    """
    stop, whole = int(ts[-1]) + MINUTE, int(sessions.day_end[-1])
    if context.kind == "continuous" and stop < whole - _TAIL and any(end > whole for _, end in context.life):
        stop = whole
    return max(reference[0], int(ts[0])), min(reference[1], stop)


def _is_between_bars(timeline: Timeline, gaps: Gaps) -> np.ndarray:
    """Whether a bar of the same range of life is before each gap, and one after it or the end of the timeline."""
    bars = np.concatenate([[0], np.cumsum(timeline.has_bar)])
    part = timeline.part[gaps.start]
    part_start = np.searchsorted(timeline.part, part, side="left")
    part_end = np.searchsorted(timeline.part, part, side="right")
    has_after = (bars[part_end] > bars[gaps.end]) | (gaps.end == len(timeline))
    between: np.ndarray = (bars[gaps.start] > bars[part_start]) & has_after
    return between


@dataclass(frozen=True)
class _Missing:
    """One range of missing bars, as positions in the timeline, with the largest score of its gaps."""

    start: int
    end: int
    minutes: int
    expected: float
    score: float


def _join_near(judged: JudgedGaps, found: np.ndarray) -> list[_Missing]:
    joined: list[_Missing] = []
    for at in found.tolist():
        start, end = int(judged.gaps.start[at]), int(judged.gaps.end[at])
        each = _Missing(start, end, end - start, float(judged.expected[at]), float(judged.score[at]))
        if joined and start - joined[-1].end <= _MAX_BETWEEN:
            last = joined.pop()
            minutes, expected = last.minutes + each.minutes, last.expected + each.expected
            each = _Missing(last.start, end, minutes, expected, max(last.score, each.score))
        joined.append(each)
    return joined


def _describe(timeline: Timeline, sessions: Sessions, missing: _Missing, threshold: float) -> Detected:
    day = sessions.day_date[sessions.find_day(timeline.ts[missing.start])]
    start, end = int(timeline.ts[missing.start]), int(timeline.ts[missing.end - 1]) + MINUTE
    minutes = format_count(missing.minutes, "open minute")
    return Detected(
        kind="missing",
        severity="error" if missing.expected >= _MANY_BARS else "warning",
        start_ns=start,
        end_ns=end,
        value=round(missing.score, 2),
        threshold=threshold,
        text=f"No bar in {minutes}, of which about {max(round(missing.expected), 1):,} usually have one.",
        group=f"missing on {day}",
    )
