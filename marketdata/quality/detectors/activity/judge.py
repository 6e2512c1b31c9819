"""All gaps of a range with their surprise, and how often such gaps occur by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.activity.calibration import Tail, fit_tail
from marketdata.quality.detectors.activity.levels import predict_levels
from marketdata.quality.detectors.activity.profile import fit_profile
from marketdata.quality.detectors.activity.score import score_gaps
from marketdata.quality.detectors.activity.timeline import Gaps, Timeline, find_gaps

# A day with fewer expected minutes has no level of its own.
_MIN_DAY_MINUTES = 60
_DAYS_PER_MONTH = 21.0
# Gaps of this surprise are left out when the profile is learned for the second time: they would make it too low.
_CERTAIN = 10.0


@dataclass(frozen=True)
class JudgedGaps:
    """The gaps of a timeline in time order, and parallel to them their surprise and how many bars they should have."""

    gaps: Gaps
    surprise: np.ndarray
    expected: np.ndarray
    tail: Tail

    @property
    def score(self) -> np.ndarray:
        """-log10 of how many gaps of at least this surprise a month has by chance."""
        score: np.ndarray = -np.log10(self.tail.count_by_chance(self.surprise))
        return score


def judge_gaps(timeline: Timeline) -> JudgedGaps:
    """Learn the activity from the timeline, and judge each of its gaps."""
    gaps = find_gaps(timeline)
    keep = np.ones(len(timeline), bool)
    judged = _judge(timeline, gaps, keep)
    certain = judged.surprise >= _CERTAIN
    if certain.any():
        for start, end in zip(gaps.start[certain], gaps.end[certain], strict=True):
            keep[start:end] = False
        judged = _judge(timeline, gaps, keep)
    return judged


def _judge(timeline: Timeline, gaps: Gaps, keep: np.ndarray) -> JudgedGaps:
    minutes, bars = timeline.count_by_day(keep)
    rates, levels = fit_profile(minutes, bars)
    centre, spread = predict_levels(levels, minutes.sum(axis=1) >= _MIN_DAY_MINUTES)
    surprise = score_gaps(timeline, gaps, keep, rates, centre, spread)
    missing = -np.expm1(-rates[timeline.slot] * levels[timeline.day])
    before = np.concatenate([[0.0], np.cumsum(missing)])
    expected = before[gaps.end] - before[gaps.start]
    months = max(timeline.day_count / _DAYS_PER_MONTH, 0.25)
    filled = float(bars.sum() / max(minutes.sum(), 1))
    return JudgedGaps(gaps, surprise, expected, fit_tail(surprise, months, filled))
