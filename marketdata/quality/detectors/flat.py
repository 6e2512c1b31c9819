"""Runs of bars that repeat the one before: a feed that sends its last bar again."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.events.locks import is_lock
from marketdata.quality.detectors.model import DAY, Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.findings import format_count, format_minute, get_span

# Bits of surprise of a run: each bar that repeats the one before counts by how rarely bars of the series do so. A thin
# market repeats single trades at one price for long; in a liquid one five equal bars are no chance.
MIN_SURPRISE = 40.0
# At least so rare: the share itself is uncertain.
MIN_SHARE = 0.002
# Equal prices with changing volumes are a market at its limit, which is no fault if the session has no price beyond it,
# or a halted one: reported once, as information.
MIN_LOCK_BARS, MIN_LOCK_SURPRISE = 30, 120.0
LEAD = 20 * DAY

Run = tuple[int, int, float]


def find_flat(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each run of equal bars."""
    near = bars.slice(context.judged[0] - LEAD, context.judged[1] + DAY)
    if len(near) < 2:
        return []
    is_same_price = np.zeros(len(near), bool)
    is_same_price[1:] = np.logical_and.reduce(
        [getattr(near, name)[1:] == getattr(near, name)[:-1] for name in ("open", "high", "low", "close")]
    )
    is_same = is_same_price.copy()
    is_same[1:] &= near.volume[1:] == near.volume[:-1]
    has_range = near.high > near.low
    found, covered = [], np.zeros(len(near), bool)
    for first, stop, _ in _find_runs(is_same, has_range, context.thresholds.flat, MIN_SURPRISE):
        covered[first:stop] = True
        found.append(_describe(near, first, stop, context, "error", "repeat the one before, with its volume"))
    for first, stop, surprise in _find_runs(is_same_price, has_range, context.thresholds.flat, MIN_SURPRISE):
        if covered[first:stop].any():
            continue
        if has_range[first]:
            found.append(_describe(near, first, stop, context, "error", "repeat the prices of the one before"))
        elif (
            stop - first >= MIN_LOCK_BARS and surprise >= MIN_LOCK_SURPRISE and not is_lock(near, first, stop, context)
        ):
            text = "have one price: the market is halted, or the feed is stale"
            found.append(_describe(near, first, stop, context, "info", text))
    return sorted(found, key=lambda finding: finding.start_ns)


def _find_runs(
    is_same: np.ndarray, has_range: np.ndarray, least: float, surprise: float
) -> list[tuple[int, int, float]]:
    """First and last position (exclusive) and surprise of the runs that are long and rare enough. The bar that is
    repeated belongs to its run."""
    edges = np.flatnonzero(np.diff(np.concatenate(([False], is_same, [False])).astype(np.int8)))
    starts, stops = edges[::2], edges[1::2]
    lengths = stops - starts
    found = []
    for kind in (True, False):
        of_kind = has_range == kind
        # The median run has one bar, so that long runs do not make themselves usual: each run counts at most 3 bars.
        mine = of_kind[starts] if len(starts) else np.empty(0, bool)
        usual = float(np.minimum(lengths[mine], 3).sum())
        share = max(usual / max(int(of_kind.sum()), 1), MIN_SHARE)
        bits = -np.log2(min(share, 0.99))
        for first, stop in zip(starts[mine].tolist(), stops[mine].tolist(), strict=True):
            if stop - first + 1 > least and (stop - first) * bits >= surprise:
                found.append((first - 1, stop, (stop - first) * bits))
    return sorted(found)


def _describe(bars: Bars, first: int, stop: int, context: SeriesContext, severity: str, what: str) -> Detected:
    positions = np.arange(first, stop)
    start, end = get_span(bars, positions)
    text = f"{format_count(len(positions))} from {format_minute(start)} on {what}."
    threshold, evidence = context.thresholds.flat, bars.describe(positions)
    return Detected("flat", severity, start, end, float(len(positions) - 1), threshold, text, evidence)
