"""Sets of half-open intervals as numpy arrays: starts and ends, disjoint and in time order, in any one unit."""

from __future__ import annotations

import numpy as np


def intersect(
    starts: np.ndarray, ends: np.ndarray, other_starts: np.ndarray, other_ends: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The parts of the first intervals that lie within the others: index of the first interval, start, and end."""
    first = np.searchsorted(other_ends, starts, side="right")
    counts = np.maximum(np.searchsorted(other_starts, ends, side="left") - first, 0)
    index = np.repeat(np.arange(len(starts)), counts)
    # The others that overlap an interval follow one another from `first` on.
    other = np.arange(len(index)) + np.repeat(first - np.cumsum(counts) + counts, counts)
    return index, np.maximum(starts[index], other_starts[other]), np.minimum(ends[index], other_ends[other])
