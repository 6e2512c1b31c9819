"""The surprise of gaps, compared with a slow second implementation that goes minute by minute."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.quality.detectors.activity.profile import LEVELS
from marketdata.quality.detectors.activity.score import (
    MAX_DAY_BARS,
    MAX_NEAR_BARS,
    NEAR_FACTOR,
    NEAR_RANGE,
    score_gaps,
)
from marketdata.quality.detectors.activity.timeline import Gaps, Timeline, find_gaps
from marketdata.quality.detectors.model import MINUTE


def make_timeline(days: list[list[bool]]) -> Timeline:
    """Days that begin at midnight, each with a minute for each flag: whether it has a bar."""
    day = np.repeat(np.arange(len(days)), [len(one) for one in days])
    slot = np.concatenate([np.arange(len(one)) for one in days])
    has_bar = np.array([flag for one in days for flag in one], bool)
    return Timeline((day * 1440 + slot) * MINUTE, has_bar, day, slot, np.zeros(len(day), np.int64))


def score_slowly(
    timeline: Timeline, keep: list[bool], start: int, end: int, rates, centre, spread
) -> tuple[float, float]:
    parts, shares = [], []
    for day in sorted(set(timeline.day[start:end].tolist())):
        part = [at for at in range(start, end) if timeline.day[at] == day]
        others = [at for at in range(len(timeline)) if timeline.day[at] == day and not start - 1 <= at <= end]
        length = min(max(NEAR_FACTOR * len(part), NEAR_RANGE[0]), NEAR_RANGE[1])
        near = [at for at in others if start - 1 - length <= at < start - 1 or end + 1 <= at < end + 1 + length]
        with_gap = without = empty = 0.0
        for level in LEVELS:
            weight = -abs(math.log(level) - centre[day]) / spread
            for minutes, limit in ((others, MAX_DAY_BARS), (near, MAX_NEAR_BARS)):
                known = [at for at in minutes if keep[at]]
                bars = sum(bool(timeline.has_bar[at]) for at in known)
                share = min(1.0, limit / max(bars, 1))
                for at in known:
                    rate = level * rates[timeline.slot[at]]
                    weight += share * (math.log(-math.expm1(-rate)) if timeline.has_bar[at] else -rate)
            without += math.exp(weight)
            expected = level * sum(rates[timeline.slot[at]] for at in part)
            with_gap += math.exp(weight - expected)
            empty += math.exp(weight - expected / len(part))
        parts.append(math.log(without) - math.log(with_gap))
        shares.append(1 - empty / without)
    return max(max(parts), sum(parts) / 2), max(shares)


days = st.lists(st.lists(st.booleans(), min_size=3, max_size=40), min_size=1, max_size=4)


@given(days=days, data=st.data())
def test_the_surprise_equals_that_of_the_slow_implementation(days, data):
    timeline = make_timeline(days)
    gaps = find_gaps(timeline)
    seed = data.draw(st.integers(0, 1000))
    rng = np.random.default_rng(seed)
    rates, centre = rng.uniform(0.01, 3, 1440), rng.normal(0, 1, len(days))
    keep = rng.random(len(timeline)) < 0.9
    surprise, filled = score_gaps(timeline, gaps, keep, rates, centre, 0.5)
    slow = [
        score_slowly(timeline, keep.tolist(), start, end, rates, centre, 0.5)
        for start, end in zip(gaps.start.tolist(), gaps.end.tolist(), strict=True)
    ]
    assert surprise == pytest.approx([each for each, _ in slow], abs=1e-8)
    assert filled == pytest.approx([share for _, share in slow], abs=1e-8)


def test_no_gaps_have_no_surprise():
    none = Gaps(np.empty(0, np.int64), np.empty(0, np.int64))
    surprise, filled = score_gaps(make_timeline([[True] * 5]), none, np.ones(5, bool), np.ones(1440), np.zeros(1), 0.5)
    assert len(surprise) == len(filled) == 0


def test_a_longer_gap_is_a_larger_surprise():
    surprises = []
    for length in (2, 5, 20):
        timeline = make_timeline([[True] * 100 + [False] * length + [True] * 100])
        values = np.ones(len(timeline), bool), np.full(1440, 1.0), np.zeros(1), 0.5
        surprises.append(float(score_gaps(timeline, find_gaps(timeline), *values)[0][0]))
    assert surprises == sorted(surprises)
    assert surprises[0] > 1


def test_the_same_gap_is_a_smaller_surprise_on_a_quiet_day():
    def score(before: list[bool]) -> float:
        timeline = make_timeline([before + [True] + [False] * 10 + [True] + before])
        values = np.ones(len(timeline), bool), np.full(1440, 1.0), np.zeros(1), 0.5
        gaps = find_gaps(timeline)
        longest = int(np.argmax(gaps.end - gaps.start))
        return float(score_gaps(timeline, gaps, *values)[0][longest])

    assert score([True, False, False, False, False, False] * 20) < score([True, True, False] * 40) / 2
