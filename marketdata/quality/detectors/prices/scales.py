"""How far prices usually move around each bar, and how much is usually traded: robust, so that faults do not count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.model import MINUTE, Bars
from marketdata.quality.detectors.prices.rolling import roll_quantiles

# Prices move by single ticks without meaning.
MIN_TICKS = 2.0
# A quiet hour is not much quieter than the series' usual one: without this floor a flat hour would have the scale 0.
MIN_SHARE = 0.25
# A price jumps between two bars far less than it moves within one. Its largest usual jump is about so many times the
# jump that one of ten exceeds; no market that jumps more often has a smaller tenth.
STEP_FACTOR = 8.0
# After a gap the price has moved with the square root of its length; a closed market moves less than that.
MAX_GAP_FACTOR = 12.0


# Lengths of gaps that are alike: short pauses, the daily break, nights and weekends. Minutes.
GAP_CLASSES = ((6, 30), (31, 200), (201, 10_000))
MIN_GAPS, GAP_FACTOR = 6, 5.5  # the largest usual step is so many times the median one


@dataclass(frozen=True)
class Scales:
    """Arrays with one element per bar, in units of 1e-9 where they are prices.

    `step` and `gap` are those between the bar and the one before it. The first bar, and the first one of another
    contract, has no bar before it: `is_linked` is false there.
    """

    move: np.ndarray  # the usual move within a bar, from the close before it on
    jump: np.ndarray  # the largest usual step between the close before and the open, with regard to the gap
    step: np.ndarray  # open minus the close before
    gap: np.ndarray  # minutes since the bar before
    usual_gap: np.ndarray  # the median of `gap` around the bar
    is_linked: np.ndarray
    volume: np.ndarray  # the median volume around the bar
    is_thin: np.ndarray  # minutes without a trade are usual around the bar


def measure_scales(bars: Bars, tick: int) -> Scales:
    """The scales of these bars."""
    high, low = bars.high.astype(np.float64), bars.low.astype(np.float64)
    opened, close = bars.open.astype(np.float64), bars.close.astype(np.float64)
    step = np.zeros(len(bars))
    step[1:] = opened[1:] - close[:-1]
    is_linked = np.ones(len(bars), bool)
    is_linked[:1] = False
    is_linked[1:] = bars.instrument[1:] == bars.instrument[:-1]
    step[~is_linked] = 0
    gap = np.ones(len(bars), np.int64)
    gap[1:] = np.maximum(np.diff(bars.ts) // MINUTE, 1)
    before = np.where(is_linked, opened - step, opened)
    middle, upper = roll_quantiles(np.maximum(high, before) - np.minimum(low, before), (0.5, 0.9))
    (steps,) = roll_quantiles(np.abs(step), (0.9,))
    (volume,) = roll_quantiles(bars.volume.astype(np.float64), (0.5,))
    (usual_gap,) = roll_quantiles(gap.astype(np.float64), (0.5,))
    floor = max(MIN_TICKS * tick, 1.0)
    move = np.maximum(middle, upper / 2)
    move = np.maximum(move, max(MIN_SHARE * float(np.median(move)) if len(move) else 0.0, floor))
    factor = np.clip(np.sqrt(gap / usual_gap), 1.0, MAX_GAP_FACTOR)
    jump = np.clip(STEP_FACTOR * steps, floor, move) * factor
    _measure_gaps(jump, step, gap, is_linked, floor)
    return Scales(move, jump, step, gap, usual_gap, is_linked, np.maximum(volume, 1.0), usual_gap > 1)


def _measure_gaps(jump: np.ndarray, step: np.ndarray, gap: np.ndarray, is_linked: np.ndarray, floor: float) -> None:
    """Set the scale of steps across gaps to what they were across other gaps of the like, if there are enough."""
    for least, most in GAP_CLASSES:
        where = np.flatnonzero((gap >= least) & (gap <= most) & is_linked)
        if len(where) >= MIN_GAPS:
            steps = np.abs(step[where])
            usual = GAP_FACTOR * float(np.median(steps))
            # Not less than half of what the market around the gap suggests: calm and wild days differ.
            jump[where] = np.maximum(np.maximum(jump[where] / 2, usual), floor)
