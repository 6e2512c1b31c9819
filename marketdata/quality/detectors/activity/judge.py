"""All gaps of a range with their surprise, and how often such gaps occur by chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.activity.calibration import fit_tail
from marketdata.quality.detectors.activity.families import count_beyond, find_families
from marketdata.quality.detectors.activity.levels import predict_levels
from marketdata.quality.detectors.activity.profile import fit_profile
from marketdata.quality.detectors.activity.score import score_gaps
from marketdata.quality.detectors.activity.timeline import Gaps, Timeline, find_gaps, sum_gaps

# A day with fewer expected minutes has no level of its own.
_MIN_DAY_MINUTES = 60
_DAYS_PER_MONTH = 21.0
# The rarest gaps are left out when the activity is learned for the second time: if bars are lost there, they make it
# too low. Where all minutes have a bar these are about six in a month, since of few days a few minutes matter. Where
# few have one it is one in three months, since the gaps are most of the minutes.
_RARE_SCORE_FILLED, _RARE_SCORE_EMPTY = -0.8, 0.5
# Gaps in which fewer bars are missing are usual. Of these, some thousands show how long the tail is.
_MIN_EXPECTED = 3.0
_MAX_SAMPLE = 4000


@dataclass(frozen=True)
class JudgedGaps:
    """The gaps of a timeline in time order, and parallel to them how often they occur by chance and how many bars they
    should have."""

    gaps: Gaps
    family: np.ndarray
    by_chance: np.ndarray  # gaps of their family with at least their surprise, in a month
    expected: np.ndarray

    @property
    def score(self) -> np.ndarray:
        """-log10 of how many such gaps a month has by chance."""
        score: np.ndarray = -np.log10(self.by_chance)
        return score


def judge_gaps(timeline: Timeline) -> JudgedGaps:
    """Learn the activity from the timeline, and judge each of its gaps."""
    gaps = find_gaps(timeline)
    keep = np.ones(len(timeline), bool)
    judged, rates = _judge(timeline, gaps, keep)
    filled = float(timeline.has_bar.mean()) if len(timeline) else 0.0
    rare = judged.score >= filled * _RARE_SCORE_FILLED + (1 - filled) * _RARE_SCORE_EMPTY
    if rare.any():
        for start, end in zip(gaps.start[rare], gaps.end[rare], strict=True):
            keep[start:end] = False
        judged, _ = _judge(timeline, gaps, keep, rates)
    return judged


def _judge(
    timeline: Timeline, gaps: Gaps, keep: np.ndarray, similar: np.ndarray | None = None
) -> tuple[JudgedGaps, np.ndarray]:
    """The judged gaps, and the rate of each minute of the day."""
    minutes, bars = timeline.count_by_day(keep)
    rates, levels = fit_profile(minutes, bars, similar)
    centre, spread = predict_levels(levels, minutes.sum(axis=1) >= _MIN_DAY_MINUTES)
    own = rates[timeline.slot] * levels[timeline.day]
    usual = sum_gaps(rates[timeline.slot] * np.maximum(levels, np.exp(centre))[timeline.day], gaps)
    step = -(-len(gaps) // _MAX_SAMPLE) or 1
    is_sampled = np.arange(len(gaps)) % step == 0
    scored = np.flatnonzero(is_sampled | (usual >= _MIN_EXPECTED))
    surprise, filled = np.zeros(len(gaps)), -np.expm1(-usual / (gaps.end - gaps.start))
    surprise[scored], filled[scored] = score_gaps(timeline, gaps.select(scored), keep, rates, centre, spread)
    months = max(timeline.day_count / _DAYS_PER_MONTH, 0.25) / step
    tail = fit_tail(surprise[is_sampled], months, float(bars.sum() / max(minutes.sum(), 1)))
    families = find_families(timeline, gaps, filled)
    by_chance = tail.count_by_chance(surprise, count_beyond(tail, surprise, families, is_sampled, months))
    return JudgedGaps(gaps, families, by_chance, sum_gaps(-np.expm1(-own), gaps)), rates
