"""Runs of bars at the level of another contract: away from the market by the basis, and back."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.events.locks import is_lock
from marketdata.quality.detectors.model import Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.classify import classify
from marketdata.quality.detectors.prices.excursions import analyse
from marketdata.quality.detectors.prices.findings import format_count, format_minute, format_value, get_span

MIN_EQUAL_SHARE = 0.5  # of the closes, that equal those of another contract in the same minutes
MAX_COMPARED = 5_000  # bars of a run


def find_wrong_contract(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each run. Where the bars of other contracts are known, it names the one that they equal."""
    analysis = analyse(bars, context)
    threshold = context.thresholds.wrong_contract
    found = []
    for kind, _, one in classify(analysis):
        basis = abs(one.offset) / max(abs(one.reference), 1.0) * 1e4
        if kind != "wrong_contract" or basis < threshold or is_lock(analysis.bars, one.first, one.stop, context):
            continue
        positions = np.arange(one.first, one.stop)
        start, end = get_span(analysis.bars, positions)
        symbol = _find_equal(analysis.bars.select(positions[:MAX_COMPARED]), context, start, end)
        source = f"those of {symbol}" if symbol else "as those of another contract"
        offset = f"{format_value(abs(one.offset))} {'above' if one.offset > 0 else 'below'}"
        bad = format_count(len(positions))
        text = f"Prices of {bad} from {format_minute(start)} on are {offset} the market, {source}."
        evidence = analysis.bars.describe([max(one.first - 1, 0), *positions[:3].tolist()])
        found.append(
            Detected("wrong_contract", "critical", start, end, round(float(basis), 1), threshold, text, evidence)
        )
    return found


def _find_equal(run: Bars, context: SeriesContext, start: int, end: int) -> str:
    """The symbol of the contract with the same closes in the same minutes; empty if there is none."""
    if context.read_related is None:
        return ""
    for symbol, other in context.read_related(start, end):
        _, mine, theirs = np.intersect1d(run.ts, other.ts, assume_unique=True, return_indices=True)
        if len(mine) and np.mean(run.close[mine] == other.close[theirs]) >= MIN_EQUAL_SHARE:
            return symbol
    return ""
