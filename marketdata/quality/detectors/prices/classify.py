"""Which kind of fault an excursion is: a wrong scale, another contract, or a spike."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import Bars
from marketdata.quality.detectors.prices.excursions import Analysis
from marketdata.quality.detectors.prices.model import MAX_LOG_ERROR, Excursion

MIN_CONTRACT_BARS = 3  # fewer bars at another level are a spike
MAX_LOG = 9.0


def find_factor(bars: Bars, excursion: Excursion) -> float:
    """The power of ten by which prices are wrong: 10, 100, 0.1, …; 1.0 if none explains them."""
    reference = abs(excursion.reference)
    if reference < 1:
        return 1.0
    prices = np.concatenate(
        [getattr(bars, name)[excursion.first : excursion.stop] for name in ("open", "high", "low", "close")]
    ).astype(np.float64)
    ratios = prices * np.sign(excursion.reference) / reference
    ratios = ratios[ratios > 10**-MAX_LOG]
    if not len(ratios):
        return 1.0
    logs = np.log10(ratios)
    # All prices of a run are wrong; of a single bar perhaps only one.
    is_run = excursion.is_level and excursion.stop - excursion.first >= MIN_CONTRACT_BARS
    log = float(np.median(logs)) if is_run else logs[np.argmax(np.abs(logs))]
    power = int(np.rint(log))
    return float(10.0**power) if power and abs(log - power) <= MAX_LOG_ERROR else 1.0


def classify(analysis: Analysis) -> list[tuple[str, float, Excursion]]:
    """Kind and factor (1.0 unless the kind is scale) of each excursion."""
    found = []
    for one in analysis.excursions:
        factor = find_factor(analysis.bars, one)
        is_run = one.is_level and one.stop - one.first >= MIN_CONTRACT_BARS
        kind = "scale" if factor != 1.0 else "wrong_contract" if is_run else "spike"
        found.append((kind, factor, one))
    return found


def merge_neighbours(excursions: list[Excursion]) -> list[Excursion]:
    """Excursions of bars that follow one another, as one."""
    merged: list[Excursion] = []
    for one in excursions:
        if merged and one.first - merged[-1].stop <= 1:
            largest = max(merged[-1], one, key=lambda each: each.score)
            merged[-1] = Excursion(
                merged[-1].first,
                max(merged[-1].stop, one.stop),
                largest.score,
                largest.offset,
                largest.reference,
                largest.is_level,
                largest.is_swap,
            )
        else:
            merged.append(one)
    return merged
