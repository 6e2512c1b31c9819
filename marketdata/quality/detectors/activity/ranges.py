"""Ranges of missing bars: gaps with few minutes between them are one, and one at the end of the timeline goes on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from marketdata.quality.detectors.activity.holes import ReadSessions, measure_rest
from marketdata.quality.detectors.activity.judge import JudgedGaps
from marketdata.quality.detectors.activity.timeline import Timeline
from marketdata.quality.detectors.model import MINUTE, SeriesContext

# Missing ranges with so few minutes between them are one: in a halt or at a price limit some bars come in between.
_MAX_BETWEEN = 10


@dataclass(frozen=True)
class MissingRange:
    """One range of missing bars, as positions in the timeline or as times, with the largest score of its gaps."""

    start: int
    end: int
    minutes: int
    expected: float
    score: float
    goes_on: bool = False  # after the timeline


def list_ranges(
    timeline: Timeline,
    judged: JudgedGaps,
    found: np.ndarray,
    *,
    next_bar: int | None,
    context: SeriesContext,
    read: ReadSessions,
) -> list[MissingRange]:
    """The ranges of the gaps at the positions `found`. That at the end of the timeline ends at `next_bar`, ns, the
    first bar after it."""
    ranges = [_measure(timeline, each) for each in _join_near(judged, found)]
    if next_bar is not None and ranges and ranges[-1].end == int(timeline.ts[-1]) + MINUTE:
        ranges[-1] = _extend(ranges[-1], next_bar, context, read)
    return ranges


def _join_near(judged: JudgedGaps, found: np.ndarray) -> list[MissingRange]:
    joined: list[MissingRange] = []
    for at in found.tolist():
        start, end = int(judged.gaps.start[at]), int(judged.gaps.end[at])
        each = MissingRange(start, end, end - start, float(judged.expected[at]), float(judged.score[at]))
        if joined and start - joined[-1].end <= _MAX_BETWEEN:
            last = joined.pop()
            minutes, expected = last.minutes + each.minutes, last.expected + each.expected
            each = MissingRange(last.start, end, minutes, expected, max(last.score, each.score))
        joined.append(each)
    return joined


def _measure(timeline: Timeline, missing: MissingRange) -> MissingRange:
    """The range with times, ns, for positions."""
    return replace(missing, start=int(timeline.ts[missing.start]), end=int(timeline.ts[missing.end - 1]) + MINUTE)


def _extend(missing: MissingRange, next_bar: int, context: SeriesContext, read: ReadSessions) -> MissingRange:
    """A gap that goes on to the next bar is judged by its first days: they show all that its other days could."""
    rest = measure_rest(missing.end, next_bar, context, read)
    minutes = missing.minutes + rest.minutes
    expected = missing.expected * minutes / missing.minutes
    return replace(missing, end=rest.end, minutes=minutes, expected=expected, goes_on=True)
