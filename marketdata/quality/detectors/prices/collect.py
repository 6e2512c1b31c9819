"""What all searches for excursions share: the bars, what was found, and which of them it explains."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import Bars
from marketdata.quality.detectors.prices.digits import is_swapped
from marketdata.quality.detectors.prices.model import MIN_SWAP, Excursion, Jump
from marketdata.quality.detectors.prices.scales import Scales

# Where prices often leave and come back, as between bid and ask of a thin market, only more than this is a fault.
TAIL_SHARE, TAIL_FACTOR, TAIL_BARS = 0.98, 2.0, 200
MAX_TAIL_FACTOR = 3.0  # times the threshold: many faults must not hide each other


class Collector:
    """Collects excursions. `flagged` are the bars that one has."""

    def __init__(self, bars: Bars, scales: Scales, threshold: float) -> None:
        self.bars, self.scales, self.threshold = bars, scales, threshold
        self.open, self.high, self.low, self.close = (
            getattr(bars, name).astype(np.float64) for name in ("open", "high", "low", "close")
        )
        self.flagged = np.zeros(len(bars), bool)
        self.explained = np.zeros(len(bars), bool)  # the jump before the bar
        self.found: list[Excursion] = []
        self.jumps: list[Jump] = []

    def add(self, first: int, stop: int, score: float, offset: float, reference: float, **more: bool) -> None:
        self.flagged[first:stop] = True
        self.found.append(Excursion(first, stop, score, offset, reference, **{"is_level": False, **more}))

    def _find_tail(self, scores: np.ndarray, share: float = TAIL_SHARE) -> float:
        """What few bars exceed, times `TAIL_FACTOR`."""
        if len(scores) < TAIL_BARS:
            return 0.0
        rank = int(share * (len(scores) - 1))
        tail = TAIL_FACTOR * float(np.partition(scores, rank)[rank])
        return min(tail, MAX_TAIL_FACTOR * self.threshold)

    def _explains(self, bar: int, offset: float) -> bool:
        """Whether a price of this bar becomes usual when two of its digits are swapped. It shows nothing in a thin
        market, whose usual prices are too far apart."""
        if self.scales.is_thin[bar]:
            return False
        value = self.bars.high[bar] if offset > 0 else self.bars.low[bar]
        if abs(offset) < MIN_SWAP * abs(float(value)):
            return False
        reach = float(self.scales.move[bar])
        around = np.r_[max(bar - 2, 0) : bar, bar + 1 : min(bar + 3, len(self.bars))]
        around = around[~self.flagged[around]]
        if not len(around):
            return False
        return is_swapped(int(value), float(self.low[around].min()) - reach, float(self.high[around].max()) + reach)
