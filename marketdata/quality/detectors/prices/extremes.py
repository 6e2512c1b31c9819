"""Extremes within a bar: a high or a low that neither its open and close nor the bars around it come near."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from marketdata.quality.detectors.prices.collect import Collector
from marketdata.quality.detectors.prices.model import EDGE_FACTOR, GAP_MINUTES, SWAP_SHARE, THIN_FACTOR

# A bar's range grows with its volume, between its square root and in proportion to it.
VOLUME_POWER = 0.7
GAP_EXTREME_FACTOR = 1.5  # beside a gap, a bar's own open or close is no witness


class ExtremeFinder(Collector):
    """Finds highs and lows that are wrong."""

    def find_extremes(self) -> None:
        """A high or a low that nothing around it comes near."""
        top, bottom = np.maximum(self.open, self.close), np.minimum(self.open, self.close)
        above = self.high - np.maximum(top, _second_smallest(self.high))
        below = np.minimum(bottom, -_second_smallest(-self.low)) - self.low
        factor = np.maximum(self.bars.volume / self.scales.volume, 1.0) ** VOLUME_POWER
        factor *= np.where(self.scales.is_thin, THIN_FACTOR, 1.0)
        rough = np.maximum(above, below) / (self.scales.move * factor)
        limit = max(self.threshold, self._find_tail(rough))
        suspicious = self.flagged | (rough >= limit * SWAP_SHARE)
        sides = self._find_open_sides()
        # The rough comparison is with the bar's own open and close: beside a gap they may be wrong themselves.
        alone = sides.all(axis=0)
        sides |= self.scales.is_thin
        is_wide = (self.high - self.low >= limit * self.scales.move) & sides.any(axis=0)
        for at in np.flatnonzero(suspicious & ~self.flagged | is_wide | alone).tolist():
            if not self.flagged[at]:
                self._judge_extreme(at, suspicious, limit, bool(sides[0, at]), bool(sides[1, at]))

    def _find_open_sides(self) -> np.ndarray:
        """Whether there is an end or a gap before each bar, and after it: shape (2, bars)."""
        is_open = ~self.scales.is_linked | (self.scales.gap > GAP_MINUTES * self.scales.usual_gap)
        return np.stack([is_open, np.append(is_open[1:], True)])

    def _judge_extreme(self, at: int, suspicious: np.ndarray, limit: float, is_first: bool, is_last: bool) -> None:
        before, after = self._find_neighbours(at, suspicious)
        around = np.array(before + after, np.int64)
        if len(around) < 2:
            return
        usual = max(float(self.scales.move[at]), float(np.median(self.high[around] - self.low[around])))
        volume = max(float(self.scales.volume[at]), float(np.median(self.bars.volume[around])))
        usual *= max(self.bars.volume[at] / volume, 1.0) ** VOLUME_POWER
        usual *= THIN_FACTOR if self.scales.is_thin[at] else 1.0
        nearest = around[self._is_close(around, at, 2)]
        witnesses = [[self.open[at], self.close[at]]] if before and after else []
        factors = [1.0] if before and after else []
        if is_first or is_last:  # beside a gap or an end the open or the close may be a part of the excursion
            witnesses.append([self.close[at]] * (not is_last) + [self.open[at]] * (not is_first))
            factors.append(GAP_EXTREME_FACTOR if before and after else EDGE_FACTOR)
        for inner, factor in zip(witnesses, factors, strict=True):
            above = self.high[at] - max(*inner, *self.high[nearest])
            below = min(*inner, *self.low[nearest]) - self.low[at]
            offset = float(above if above >= below else -below)
            is_swap = self._explains(at, offset)
            if abs(offset) >= limit * usual * factor * (SWAP_SHARE if is_swap and factor == 1.0 else 1.0):
                reference = float(np.median(self.close[around]))
                self.add(at, at + 1, abs(offset) / usual, offset, reference, is_swap=is_swap)
                return

    def _is_close(self, around: np.ndarray, at: int, count: int) -> np.ndarray:
        """Which of the neighbours are the nearest `count` ones on their side."""
        before, after = np.flatnonzero(around < at), np.flatnonzero(around > at)
        chosen = np.zeros(len(around), bool)
        chosen[before[-count:]] = True
        chosen[after[:count]] = True
        return chosen

    def _find_neighbours(self, at: int, suspicious: np.ndarray) -> tuple[list[int], list[int]]:
        """Up to three bars before and after that are of the same contract and not suspicious, in time order."""
        return list(self._walk(at, -1, suspicious))[::-1], list(self._walk(at, 1, suspicious))

    def _walk(self, at: int, direction: int, suspicious: np.ndarray) -> Iterator[int]:
        found, position = 0, at
        for _ in range(20):
            link = position if direction < 0 else position + 1
            position += direction
            if not 0 <= position < len(self.bars) or not self.scales.is_linked[link]:
                return
            if not suspicious[position]:
                yield position
                found += 1
                if found == 3:
                    return


def _second_smallest(values: np.ndarray) -> np.ndarray:
    """The second smallest one of the two values before and the two after each value."""
    padded = np.pad(values, 2, mode="edge")
    around = np.stack([padded[:-4], padded[1:-3], padded[3:-1], padded[4:]])
    result: np.ndarray = np.partition(around, 1, axis=0)[1]
    return result
