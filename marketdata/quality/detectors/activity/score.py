"""The surprise of a gap: -ln of the probability that none of its minutes has a bar.

The level of activity in the gap is not known. Three things show it: the levels of the days around, the other minutes of
its day, and the minutes next to the gap. They give each level a weight (Bayes' rule on the grid `LEVELS`), and the
probability is the weighted mean of exp(-level x rates). However many bars they have, the day and the minutes next to
the gap count as at most `MAX_DAY_BARS` and `MAX_NEAR_BARS`: activity also changes within hours.

A gap that covers several days is judged day by day. Days of low activity follow one another, so their surprises count
half when they are added.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.activity.profile import LEVELS
from marketdata.quality.detectors.activity.timeline import Gaps, Timeline, sum_gaps

# Next to the gap are so many times its minutes on each side, at least and at most so many.
NEAR_FACTOR = 2
NEAR_RANGE = (15, 45)
MAX_DAY_BARS = 6.0
MAX_NEAR_BARS = 30.0


def score_gaps(
    timeline: Timeline, gaps: Gaps, keep: np.ndarray, rates: np.ndarray, centre: np.ndarray, spread: float
) -> tuple[np.ndarray, np.ndarray]:
    """The surprise of each gap, and which share of its minutes should have a bar.

    Minutes that are not in `keep` show nothing. `rates` has the rate of each minute of the day, `centre` the predicted
    log level of each trading day, with its `spread`.
    """
    if not len(gaps):
        return np.empty(0), np.empty(0)
    parts = _split_by_day(timeline, gaps)
    evidence = _collect_evidence(timeline, gaps, parts, keep)
    expected = sum_gaps(rates[timeline.slot], Gaps(parts.start, parts.end))
    part_centre = centre[timeline.day[parts.start]]
    weights = np.empty((len(LEVELS), len(parts.start)))
    for row, level in enumerate(LEVELS):
        of_bar = np.log(-np.expm1(-level * rates))
        likelihood = np.where(timeline.has_bar, of_bar[timeline.slot], (-level * rates)[timeline.slot]) * keep
        total = np.concatenate([[0.0], np.cumsum(likelihood)])
        weights[row] = sum((each.weigh(total) for each in evidence), -np.abs(np.log(level) - part_centre) / spread)
    total = _sum_logs(weights)
    surprise = total - _sum_logs(weights - np.outer(LEVELS, expected))
    empty = np.exp(np.outer(-LEVELS, expected / (parts.end - parts.start)))
    filled = 1 - (np.exp(weights - total) * empty).sum(axis=0)
    surprise = np.maximum(np.maximum.reduceat(surprise, parts.first), np.add.reduceat(surprise, parts.first) / 2)
    return surprise, np.maximum.reduceat(filled, parts.first)


@dataclass(frozen=True)
class _Parts:
    """The gaps, divided where a trading day ends."""

    start: np.ndarray
    end: np.ndarray
    gap: np.ndarray  # the index of the gap of each part
    first: np.ndarray  # the index of the first part of each gap


def _split_by_day(timeline: Timeline, gaps: Gaps) -> _Parts:
    first_day, last_day = timeline.day[gaps.start], timeline.day[gaps.end - 1]
    counts = last_day - first_day + 1
    first = np.cumsum(counts) - counts
    gap = np.repeat(np.arange(len(gaps)), counts)
    day = first_day[gap] + np.arange(len(gap)) - first[gap]
    start = np.maximum(gaps.start[gap], np.searchsorted(timeline.day, day, side="left"))
    end = np.minimum(gaps.end[gap], np.searchsorted(timeline.day, day, side="right"))
    has_minutes = start < end  # not so on a day on which the series never trades
    gap = gap[has_minutes]
    return _Parts(start[has_minutes], end[has_minutes], gap, np.searchsorted(gap, np.arange(len(gaps))))


class _Evidence:
    """The minutes in two ranges, before and after each gap, which count as those of at most `max_bars` bars."""

    def __init__(self, bars_before: np.ndarray, max_bars: float, *ranges: tuple[np.ndarray, np.ndarray]) -> None:
        self._ranges = ranges
        bars = sum((bars_before[end] - bars_before[start] for start, end in ranges), np.zeros(1))
        self._weight = np.minimum(1.0, max_bars / np.maximum(bars, 1))

    def weigh(self, total: np.ndarray) -> np.ndarray:
        """The log likelihood of the minutes, times their weight. `total` is the sum of those before each minute."""
        weighed: np.ndarray = sum((total[end] - total[start] for start, end in self._ranges), 0.0) * self._weight
        return weighed


def _collect_evidence(timeline: Timeline, gaps: Gaps, parts: _Parts, keep: np.ndarray) -> tuple[_Evidence, _Evidence]:
    """The other minutes of the trading day, and those of them that are next to the gap.

    A gap ends where a bar is. These two bars show nothing, so they are left out.
    """
    bars_before = np.concatenate([[0], np.cumsum(timeline.has_bar & keep)])
    day_of_part = timeline.day[parts.start]
    day_start = np.searchsorted(timeline.day, day_of_part, side="left")
    day_end = np.searchsorted(timeline.day, day_of_part, side="right")
    # Nothing is left of a day on the side on which the gap goes beyond it.
    before = np.maximum(gaps.start[parts.gap] - 1, day_start)
    after = np.minimum(gaps.end[parts.gap] + 1, day_end)
    length = np.clip(NEAR_FACTOR * (parts.end - parts.start), *NEAR_RANGE)
    near_start, near_end = np.maximum(before - length, day_start), np.minimum(after + length, day_end)
    return (
        _Evidence(bars_before, MAX_DAY_BARS, (day_start, before), (after, day_end)),
        _Evidence(bars_before, MAX_NEAR_BARS, (near_start, before), (after, near_end)),
    )


def _sum_logs(logs: np.ndarray) -> np.ndarray:
    """The log of the sum of the exponentials of each column."""
    largest = logs.max(axis=0)
    total: np.ndarray = largest + np.log(np.exp(logs - largest).sum(axis=0))
    return total
