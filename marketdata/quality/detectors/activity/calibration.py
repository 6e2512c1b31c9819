"""How often a gap of some surprise occurs by chance, in a month of this series.

Under the model the surprises of all gaps follow an exponential distribution with a mean of 1. Trades come in bursts, so
the real ones have a longer tail. The largest tenth of the series' own gaps shows how long it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TAIL_SHARE = 0.1
# Gaps that a month has less often than this by chance are lost bars. They are left out, and the tail is fitted again.
_RARE = 0.02
_ROUNDS = 3
# What the tail is taken to be before any gap is seen, as this many gaps, and how long it may be.
_USUAL_TAIL, _USUAL_WEIGHT = 1.2, 20.0
_TAIL_RANGE = (1.0, 2.0)
# The tail starts here at the latest: lost bars can be most of the gaps of a series that trades in each minute.
_MAX_START = 6.5


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
    tail = _fit_once(surprise, months)
    for _ in range(_ROUNDS):
        tail = _fit_once(surprise[tail.count_by_chance(surprise) >= _RARE], months)
    return tail


def _fit_once(surprise: np.ndarray, months: float) -> Tail:
    start = min(float(np.quantile(surprise, 1 - _TAIL_SHARE)), _MAX_START) if len(surprise) else _MAX_START
    beyond = surprise[surprise > start] - start
    # The median, not the mean: some of the gaps are lost bars.
    own = float(np.median(beyond)) / np.log(2) if len(beyond) else _USUAL_TAIL
    length = (own * len(beyond) + _USUAL_TAIL * _USUAL_WEIGHT) / (len(beyond) + _USUAL_WEIGHT)
    return Tail(start, float(np.clip(length, *_TAIL_RANGE)), max(len(beyond), 1) / months)
