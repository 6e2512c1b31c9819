"""How often a gap of some surprise occurs by chance, in a month of this series.

Under the model the surprises of all gaps follow an exponential distribution with a mean of 1. Trades come in bursts, so
the real ones have a longer tail. The largest tenth of the series' own gaps shows how long it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

_TAIL_SHARE = 0.1
_TAIL_RANGE = (1.0, 5.0)
# The tail starts here at the latest: lost bars can be most of the gaps of a series that trades in each minute.
_MAX_START = 6.5
# Gaps that a month has less often than this by chance are lost bars. They are left out, and the tail is fitted again.
RARE = 0.02
_ROUNDS = 3
_MIN_LOG = -690.0  # exp does not become 0
_MANY = 100


@dataclass(frozen=True)
class Tail:
    """The largest surprises: `per_month` gaps exceed `start`, by `length` in the mean."""

    start: float
    length: float
    per_month: float

    def count_by_chance(self, surprise: np.ndarray, per_month: np.ndarray | float) -> np.ndarray:
        """How many gaps of this surprise, or of a larger one, a month has by chance if `per_month` exceed the start."""
        count: np.ndarray = per_month * np.exp(np.maximum(-(surprise - self.start) / self.length, _MIN_LOG))
        return count


def fit_tail(surprise: np.ndarray, months: float, filled: float) -> Tail:
    """The tail of these surprises, which are those of all gaps of some months.

    `filled` is the share of the minutes that have a bar.
    """
    tail = _fit_once(surprise, months, filled)
    for _ in range(_ROUNDS):
        tail = _fit_once(surprise[tail.count_by_chance(surprise, tail.per_month) >= RARE], months, filled)
    return tail


def _fit_once(surprise: np.ndarray, months: float, filled: float) -> Tail:
    start = min(float(np.quantile(surprise, 1 - _TAIL_SHARE)), _MAX_START) if len(surprise) else _MAX_START
    beyond = surprise[surprise > start] - start
    usual, weight = _expect_length(filled)
    own = _estimate_length(beyond) if len(beyond) else usual
    length = (own * len(beyond) + usual * weight) / (len(beyond) + weight)
    return Tail(start, float(np.clip(length, *_TAIL_RANGE)), max(len(beyond), 1) / months)


def _estimate_length(beyond: np.ndarray) -> float:
    """By quantiles, not by the mean: some of the gaps are lost bars. Of many gaps, those are less than a tenth."""
    lengths = [np.median(beyond) / np.log(2)]
    if len(beyond) >= _MANY:
        lengths.append(np.quantile(beyond, 0.9) / np.log(10))
    return float(max(lengths))


def _expect_length(filled: float) -> tuple[float, float]:
    """The length of the tail before any gap is seen, and how many gaps that counts as.

    Where hardly a minute is empty there are few gaps to learn from, and lost bars are many of them; but bursts cannot
    matter there. Where few minutes have a bar, bursts are usual.
    """
    return 1.2 + 1.8 * (1 - filled), 20 + 400 * filled**4
