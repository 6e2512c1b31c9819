"""Families of gaps: those at an open or close, those in busy hours, and all others.

A quiet night has many gaps and a busy afternoon hardly one, so the same surprise is rarer in the afternoon. Each family
has its own number of large surprises, and its own false alarms.
"""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.activity.calibration import RARE, Tail
from marketdata.quality.detectors.activity.timeline import Gaps, Timeline
from marketdata.quality.detectors.model import MINUTE

AT_EDGE, BUSY, OTHER = range(3)
# In busy hours so many of the minutes have a bar.
_BUSY_SHARE = 0.9


def find_families(timeline: Timeline, gaps: Gaps, filled: np.ndarray) -> np.ndarray:
    """The family of each gap. `filled` is the share of its minutes that should have a bar."""
    is_first = np.concatenate([[True], np.diff(timeline.ts) > MINUTE, [True]])
    opens = np.concatenate([[0], np.cumsum(is_first)])
    at_edge = opens[gaps.end + 1] > opens[gaps.start]
    return np.where(at_edge, AT_EDGE, np.where(filled >= _BUSY_SHARE, BUSY, OTHER))


def count_beyond(
    tail: Tail, surprise: np.ndarray, families: np.ndarray, is_sampled: np.ndarray, months: float
) -> np.ndarray:
    """How many gaps of the family of each gap a month has where the tail starts, lost bars left out."""
    usual = is_sampled & (surprise > tail.start) & (tail.count_by_chance(surprise, tail.per_month) >= RARE)
    # One more than there are: that there was none yet does not show that there is none.
    per_month = (np.bincount(families[usual], minlength=3) + 1) / months
    counts: np.ndarray = per_month[families]
    return counts
