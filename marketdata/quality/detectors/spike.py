"""Prices that leave the market for a bar or two and come back, also by swapped digits."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.classify import classify, merge_neighbours
from marketdata.quality.detectors.prices.excursions import analyse
from marketdata.quality.detectors.prices.findings import format_minute, format_value, get_span


def find_spike(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each excursion that is no wrong scale and no other contract."""
    analysis = analyse(bars, context)
    threshold = context.thresholds.spike
    found = []
    for one in merge_neighbours([each for kind, _, each in classify(analysis) if kind == "spike"]):
        positions = np.arange(one.first, one.stop)
        start, end = get_span(analysis.bars, positions)
        cause = "; two digits are swapped" if one.is_swap else ""
        text = (
            f"The price leaves the market by {format_value(abs(one.offset))} "
            f"{'upwards' if one.offset > 0 else 'downwards'} at {format_minute(start)} and comes back{cause}."
        )
        evidence = analysis.bars.describe(_add_neighbours(one.first, one.stop, len(analysis.bars)))
        found.append(Detected("spike", "error", start, end, round(float(one.score), 2), threshold, text, evidence))
    return found


def _add_neighbours(first: int, stop: int, count: int) -> list[int]:
    return list(range(max(first - 1, 0), min(stop + 1, count)))
