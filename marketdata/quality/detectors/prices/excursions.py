"""Prices that leave the market and come back, in one bar or in several.

A market that moves trades on its way: the next bar opens near the last close. A wrong price does not, so it shows as
two jumps between neighbouring bars that cancel out, or as an extreme that neither the bar's own open and close nor the
bars around it come near. What is judged is always a difference in units of the local scale, so that negative prices,
spreads and volatile markets need no other rule.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.model import Bars, SeriesContext
from marketdata.quality.detectors.prices.extremes import ExtremeFinder
from marketdata.quality.detectors.prices.jumps import JumpFinder
from marketdata.quality.detectors.prices.model import MAX_REMAINDER, MAX_RUN, Excursion, Jump
from marketdata.quality.detectors.prices.scales import Scales, measure_scales


@dataclass(frozen=True)
class Analysis:
    """What the bars of a window show. The detectors of all price kinds use it."""

    bars: Bars
    scales: Scales
    excursions: list[Excursion]
    jumps: list[Jump]


def analyse(bars: Bars, context: SeriesContext) -> Analysis:
    """The excursions and jumps around the judged bars, computed once for all detectors of a window."""
    cached = context.memory.get("prices")
    key = (context.judged, len(bars), context.thresholds.spike)
    if cached and cached[0] is bars.ts and cached[1] == key:
        analysis: Analysis = cached[2]
        return analysis
    near = select_near(bars, context)
    scales = measure_scales(near, context.tick, context.calendar)
    excursions, jumps = find_excursions(near, scales, context.thresholds.spike, context.tick)
    analysis = Analysis(near, scales, excursions, jumps)
    context.memory["prices"] = (bars.ts, key, analysis)
    return analysis


def select_near(bars: Bars, context: SeriesContext, *, count: int = 300) -> Bars:
    """The judged bars, and those of `MAX_RUN` and at least `count` bars before and after."""
    first, stop = np.searchsorted(bars.ts, context.judged)
    wide_first, wide_stop = np.searchsorted(bars.ts, (context.judged[0] - MAX_RUN, context.judged[1] + MAX_RUN))
    return bars.select(slice(min(max(int(first) - count, 0), int(wide_first)), max(int(stop) + count, int(wide_stop))))


class Finder(JumpFinder, ExtremeFinder):
    """Both searches, each of which leaves out what the other has found."""


def find_excursions(bars: Bars, scales: Scales, threshold: float, tick: int) -> tuple[list[Excursion], list[Jump]]:
    """All excursions, in time order and disjoint, and the jumps that nothing cancels."""
    if not len(bars):
        return [], []
    finder = Finder(bars, scales, threshold, tick)
    finder.find_scales()
    finder.find_single_bars()
    finder.find_extremes()
    finder.find_runs()
    return sorted(_drop_inner(finder.found), key=lambda one: one.first), finder.jumps


def _drop_inner(found: list[Excursion]) -> list[Excursion]:
    """Without small excursions within a run of wrong prices, whose scale they have."""
    runs = [one for one in found if one.is_level and one.stop - one.first > 1]
    return [
        one
        for one in found
        if not any(
            run is not one
            and run.first <= one.first
            and one.stop <= run.stop
            and abs(one.offset) <= MAX_REMAINDER * abs(run.offset)
            for run in runs
        )
    ]
