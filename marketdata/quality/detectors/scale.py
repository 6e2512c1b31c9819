"""Prices that are wrong by a power of ten, in one bar or in a run of bars."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.classify import classify, merge_neighbours
from marketdata.quality.detectors.prices.excursions import analyse
from marketdata.quality.detectors.prices.findings import format_count, format_minute, get_span


def find_scale(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each run of bars with the same wrong factor. Its value is the factor, or 1 / the factor."""
    analysis = analyse(bars, context)
    threshold = context.thresholds.scale
    found = []
    judged = classify(analysis)
    for factor in sorted({factor for kind, factor, _ in judged if kind == "scale"}):
        value = max(factor, 1 / factor)
        if value < threshold:
            continue
        for one in merge_neighbours([each for kind, its, each in judged if kind == "scale" and its == factor]):
            positions = np.arange(one.first, one.stop)
            start, end = get_span(analysis.bars, positions)
            how = f"{factor:,.0f} times too large" if factor > 1 else f"{1 / factor:,.0f} times too small"
            text = f"Prices of {format_count(len(positions))} from {format_minute(start)} on are {how}."
            evidence = analysis.bars.describe([max(one.first - 1, 0), *positions.tolist()])
            found.append(Detected("scale", "critical", start, end, value, threshold, text, evidence))
    return sorted(found, key=lambda finding: finding.start_ns)
