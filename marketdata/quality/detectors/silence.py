"""Silence: a series that should have had bars by now. "Nothing since", not missing minutes: they can still arrive."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from marketdata.formatting import format_count
from marketdata.quality.detectors.activity.judge import judge_gaps
from marketdata.quality.detectors.activity.timeline import make_timeline
from marketdata.quality.detectors.model import DAY, MINUTE, Bars, Detected, SeriesContext
from marketdata.quality.detectors.sessions import Sessions

# The activity is learned from these days before the last bar: about 40 trading days.
_LEAD = 60 * DAY
# A gap is silence if a month has fewer than 1 in 100 such gaps by chance.
_MIN_SCORE = 2.0
# A longer silence is judged by its first days: they show all that its other days could.
_MAX_JUDGED = 62 * DAY


def find_silence(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding if nothing came since the last bar though bars were expected: by the calendar, by the hours in which
    the series trades, and by `expected_until_ns`, which leaves out what can still be on its way.

    Only the window that ends now is judged. A silence that is older than the window starts with it.
    """
    sessions = context.calendar
    until = min(context.expected_until_ns, context.now_ns or context.expected_until_ns) // MINUTE * MINUTE
    if sessions is None or not len(bars) or not context.judged[0] < until <= context.judged[1]:
        return []
    last = int(bars.ts[-1])
    open_minutes = len(sessions.list_open_minutes(last + MINUTE, max(until, last + MINUTE)))
    if open_minutes < max(context.thresholds.silence, 1):
        return []
    score, expected = _judge_end(bars, sessions, context, last - _LEAD, until)
    if score < _MIN_SCORE:
        return []
    moment = datetime.fromtimestamp(last // 10**9, UTC)
    count = format_count(max(round(expected), 1), "bar")
    return [
        Detected(
            kind="silence",
            severity="error",
            start_ns=max(last + MINUTE, context.judged[0]),
            end_ns=until,
            value=float(open_minutes),
            threshold=context.thresholds.silence,
            text=f"Nothing since {moment:%Y-%m-%d %H:%M} UTC, although about {count} should have come by now.",
            evidence=bars.describe([len(bars) - 1]),
        )
    ]


def _judge_end(bars: Bars, sessions: Sessions, context: SeriesContext, start: int, until: int) -> tuple[float, float]:
    """The score of the minutes after the last bar, and how many bars they should have."""
    # The life of a series can end with its last bar. Here it goes on.
    stop = min(until, int(bars.ts[-1]) + _MAX_JUDGED)
    timeline = make_timeline(bars.ts, sessions, replace(context, life=()), start, stop)
    judged = judge_gaps(timeline)
    if not len(judged.gaps) or judged.gaps.end[-1] != len(timeline):
        return 0.0, 0.0
    days = float(until - int(bars.ts[-1])) / float(stop - int(bars.ts[-1]))
    return float(judged.score[-1]), float(judged.expected[-1]) * days
