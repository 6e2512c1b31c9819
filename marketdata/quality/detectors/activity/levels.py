"""What the other days show of a day's level: the usual level of the days around it, and how far levels are from it."""

from __future__ import annotations

import numpy as np

# The level of a day is compared with the median of this many days before and after it.
NEIGHBOURS = 4
# The spread of log levels is at least this: half or double the usual activity is common in any series.
_MIN_SPREAD = 0.35
_MAX_SPREAD = 1.5


def predict_levels(levels: np.ndarray, is_known: np.ndarray) -> tuple[np.ndarray, float]:
    """For each day, the log level that the days around it suggest, and the usual distance of log levels from that.

    Days that are not `is_known` suggest nothing: they have hardly any expected minutes.
    """
    logs = np.where(is_known, np.log(levels), np.nan)
    padded = np.concatenate([np.full(NEIGHBOURS, np.nan), logs, np.full(NEIGHBOURS, np.nan)])
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * NEIGHBOURS + 1).copy()
    around[:, NEIGHBOURS] = np.nan
    usual = float(np.nanmedian(logs)) if is_known.any() else 0.0
    centre = np.full(len(levels), usual)
    has_neighbour = ~np.isnan(around).all(axis=1)
    centre[has_neighbour] = np.nanmedian(around[has_neighbour], axis=1)
    distances = np.abs(logs - centre)[is_known]
    # The median, not the mean: days of lost bars have very low levels.
    spread = float(np.median(distances)) / np.log(2) if len(distances) else _MAX_SPREAD
    return centre, min(max(spread, _MIN_SPREAD), _MAX_SPREAD)
