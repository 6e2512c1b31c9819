"""Quantiles over a moving window, at a cost that does not depend on the window's size times the number of bars."""

from __future__ import annotations

import numpy as np

WINDOW = 64  # bars: an hour of a liquid market
STRIDE = 8  # a quantile is computed for each block of so many bars, and holds for all of them
_BATCH = 1 << 14  # blocks that are sorted at a time: bounds the memory


def roll_quantiles(values: np.ndarray, shares: tuple[float, ...]) -> list[np.ndarray]:
    """For each value the quantiles of the `WINDOW` values around it (fewer at the ends), one array per share.

    A quantile is one of the values (the lower one of two), so that a minority of faulty bars does not move it.
    """
    count = len(values)
    if count <= WINDOW:
        ordered = np.sort(values)
        return [np.full(count, ordered[_rank(share, count)] if count else 0, np.float64) for share in shares]
    centers = np.arange(0, count, STRIDE) + STRIDE // 2
    starts = np.clip(centers - WINDOW // 2, 0, count - WINDOW)
    windows = np.lib.stride_tricks.sliding_window_view(values, WINDOW)
    ranks = [_rank(share, WINDOW) for share in shares]
    found = np.empty((len(starts), len(shares)))
    for first in range(0, len(starts), _BATCH):
        part = np.partition(windows[starts[first : first + _BATCH]], ranks, axis=1)
        found[first : first + _BATCH] = part[:, ranks]
    blocks = np.arange(count) // STRIDE
    return [found[blocks, at] for at in range(len(shares))]


def _rank(share: float, count: int) -> int:
    return max(int(share * (count - 1)), 0)
