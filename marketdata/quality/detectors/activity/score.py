"""The surprise of a gap: -ln of the probability that none of its minutes has a bar.

The level of activity in the gap is not known. Three things show it: the levels of the days around, the other minutes of
its day, and the minutes next to the gap. They give each level a weight (Bayes' rule on the grid `LEVELS`), and the
probability is the weighted mean of exp(-level x rates). However many bars they have, the day and the minutes next to the
gap count as at most `_MAX_DAY_BARS` and `_MAX_NEAR_BARS`: activity also changes within hours.
"""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.activity.profile import LEVELS
from marketdata.quality.detectors.activity.timeline import Gaps, Timeline

NEAR_MINUTES = 45
_MAX_DAY_BARS = 6.0
_MAX_NEAR_BARS = 20.0


def score_gaps(
    timeline: Timeline, gaps: Gaps, keep: np.ndarray, rates: np.ndarray, centre: np.ndarray, spread: float
) -> np.ndarray:
    """The surprise of each gap.

    Minutes that are not in `keep` show nothing. `rates` has the rate of each minute of the day, `centre` the predicted
    log level of each trading day, with its `spread`.
    """
    evidence = _collect_evidence(timeline, gaps, keep)
    expected = _sum_between(rates[timeline.slot], gaps.start, gaps.end)
    gap_centre = centre[timeline.day[gaps.start]]
    weights = np.empty((len(LEVELS), len(gaps)))
    for row, level in enumerate(LEVELS):
        of_bar = np.log(-np.expm1(-level * rates))
        likelihood = np.where(timeline.has_bar, of_bar[timeline.slot], (-level * rates)[timeline.slot]) * keep
        total = np.concatenate([[0.0], np.cumsum(likelihood)])
        weights[row] = sum((each.weigh(total) for each in evidence), -np.abs(np.log(level) - gap_centre) / spread)
    return _sum_logs(weights) - _sum_logs(weights - np.outer(LEVELS, expected))


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


def _collect_evidence(timeline: Timeline, gaps: Gaps, keep: np.ndarray) -> tuple[_Evidence, _Evidence]:
    """The other minutes of the trading day, and the minutes next to the gap.

    A gap ends where a bar is. These two bars show nothing, so they are left out.
    """
    bars_before = np.concatenate([[0], np.cumsum(timeline.has_bar & keep)])
    before, after = np.maximum(gaps.start - 1, 0), np.minimum(gaps.end + 1, len(timeline))
    day_start = np.searchsorted(timeline.day, timeline.day[gaps.start], side="left")
    day_end = np.searchsorted(timeline.day, timeline.day[gaps.end - 1], side="right")
    day = (np.minimum(day_start, before), before), (after, np.maximum(day_end, after))
    near_start, near_end = np.maximum(before - NEAR_MINUTES, 0), np.minimum(after + NEAR_MINUTES, len(timeline))
    near = (near_start, before), (after, near_end)
    return _Evidence(bars_before, _MAX_DAY_BARS, *day), _Evidence(bars_before, _MAX_NEAR_BARS, *near)


def _sum_logs(logs: np.ndarray) -> np.ndarray:
    """The log of the sum of the exponentials of each column."""
    largest = logs.max(axis=0)
    total: np.ndarray = largest + np.log(np.exp(logs - largest).sum(axis=0))
    return total


def _sum_between(values: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    total = np.concatenate([[0.0], np.cumsum(values)])
    return total[ends] - total[starts]
