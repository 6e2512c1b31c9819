"""How often a gap of some surprise occurs by chance, in a month of this series.

Under the model the surprises of all gaps follow an exponential distribution with a mean of 1. Trades come in bursts, so
the real ones have a longer tail. The largest tenth of the series' own gaps shows how long it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TAIL_SHARE = 0.1
# Surprises above this are lost bars in any series. They do not make the tail longer.
_MAX_SURPRISE = 25.0
# What the tail is taken to be before any gap is seen, as this many gaps, and how long it may be.
_USUAL_TAIL, _USUAL_WEIGHT = 1.2, 20.0
_TAIL_RANGE = (1.0, 2.0)


@dataclass(frozen=True)
class Tail:
    """The largest surprises: `per_month` gaps exceed `start`, by `length` in the mean."""

    start: float
    length: float
    per_month: float

    def count_by_chance(self, surprise: np.ndarray) -> np.ndarray:
        """How many gaps of this surprise, or of a larger one, a month has by chance."""
        count: np.ndarray = self.per_month * np.exp(-(surprise - self.start) / self.length)
        return count


def fit_tail(surprise: np.ndarray, months: float) -> Tail:
    """The tail of these surprises, which are those of all gaps of some months."""
    usual = surprise[surprise <= _MAX_SURPRISE]
    if not len(usual):
        return Tail(0.0, _USUAL_TAIL, 1.0)
    start = float(np.quantile(usual, 1 - _TAIL_SHARE))
    beyond = usual[usual > start] - start
    length = (beyond.sum() + _USUAL_TAIL * _USUAL_WEIGHT) / (len(beyond) + _USUAL_WEIGHT)
    return Tail(start, float(np.clip(length, *_TAIL_RANGE)), max(len(beyond), 1) / months)
