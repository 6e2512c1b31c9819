"""Prices that jump between two bars and do not come back, without trades on the way."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import DAY, Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.excursions import Analysis, analyse
from marketdata.quality.detectors.prices.findings import format_minute, format_value, get_span
from marketdata.quality.detectors.prices.model import Jump

# News moves a price in one trade, and many trades follow. A fault in the data does not make them.
MAX_VOLUME_FACTOR = 10.0
# A continuous series changes its contract at midnight UTC. Where the contracts are not known, a basis is no fault.
MAX_BASIS = 0.03


def find_jump(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each trading day with jumps: those of one day have one cause."""
    analysis = analyse(bars, context)
    threshold = context.thresholds.jump
    found = []
    for jump in analysis.jumps:
        if jump.score < threshold or _is_news(analysis, jump) or _is_roll(analysis, jump, context):
            continue
        start, end = get_span(analysis.bars, np.array([jump.at]))
        before = int(analysis.bars.ts[jump.at - 1])
        text = (
            f"The price jumps by {format_value(jump.step)} between {format_minute(before)} and {format_minute(start)} "
            "and does not come back."
        )
        evidence = analysis.bars.describe([jump.at - 1, jump.at])
        group = f"jump {start // DAY}"
        found.append(
            Detected("jump", "warning", start, end, round(float(jump.score), 2), threshold, text, evidence, group)
        )
    return found


def _is_news(analysis: Analysis, jump: Jump) -> bool:
    """Whether many trades come with the jump."""
    after = analysis.bars.volume[jump.at : jump.at + 3]
    return bool(after.max() >= MAX_VOLUME_FACTOR * analysis.scales.volume[jump.at])


def _is_roll(analysis: Analysis, jump: Jump, context: SeriesContext) -> bool:
    """Whether a series whose contracts are not known may have changed its contract here."""
    bars = analysis.bars
    if context.kind not in ("continuous", "") or bars.instrument.any():
        return False
    is_midnight = bars.ts[jump.at] // DAY > bars.ts[jump.at - 1] // DAY
    is_basis = abs(jump.step) <= MAX_BASIS * abs(float(bars.close[jump.at - 1]))
    return bool((is_midnight or analysis.scales.gap[jump.at] > 5) and is_basis)
