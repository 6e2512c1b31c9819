"""Prices off the tick grid."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.findings import (
    format_count,
    format_minute,
    format_value,
    get_span,
    group_neighbours,
)

PRICES = ("open", "high", "low", "close")
# If more bars are off it, the grid is not that of the series: a spread or a share is traded on a finer one.
MAX_SHARE = 0.03
MIN_BARS = 200  # fewer do not show the grid


def find_off_tick(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each run of bars with a price that is no multiple of the tick size."""
    judged = bars.slice(*context.judged)
    tick = context.tick or find_grid(bars)
    if not tick or not len(judged):
        return []
    is_off = _is_off(judged, tick)
    if is_off.mean() > MAX_SHARE and is_off.sum() > 2:
        tick = find_grid(bars)
        is_off = _is_off(judged, tick) if tick else np.zeros(len(judged), bool)
        if is_off.mean() > MAX_SHARE:
            return []
    threshold = context.thresholds.off_tick
    found = []
    for positions in group_neighbours(judged, np.flatnonzero(is_off)):
        if len(positions) < threshold:
            continue
        start, end = get_span(judged, positions)
        bad = format_count(len(positions))
        text = f"{bad} from {format_minute(start)} on: a price is no multiple of {format_value(tick)}."
        evidence = judged.describe(positions)
        found.append(Detected("off_tick", "error", start, end, float(len(positions)), threshold, text, evidence))
    return found


def find_grid(bars: Bars) -> int:
    """The coarsest usual step that all but `MAX_SHARE` of the bars are on, 1e-9; 0 if there are too few bars."""
    if len(bars) < MIN_BARS:
        return 0
    for step in _list_steps():
        if _is_off(bars, step).mean() <= MAX_SHARE / 10:
            return step
    return 0


def _list_steps() -> list[int]:
    """Usual tick sizes from 100 down to 1e-7, in units of 1e-9, coarsest first."""
    decimal = {int(base * 10**power) for base in (1, 2.5, 5) for power in range(2, 12)}
    binary = {10**9 // 2**power for power in range(1, 9)}
    return sorted(decimal | binary, reverse=True)


def _is_off(bars: Bars, tick: int) -> np.ndarray:
    is_off = np.zeros(len(bars), bool)
    for name in PRICES:
        is_off |= getattr(bars, name) % tick != 0
    return is_off
