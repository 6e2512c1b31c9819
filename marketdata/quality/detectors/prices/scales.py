"""How far prices usually move around each bar, and how much is usually traded: robust, so that faults do not count."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.model import MINUTE, Bars
from marketdata.quality.detectors.prices.rolling import roll_quantiles
from marketdata.quality.detectors.sessions import Sessions

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
# Without a calendar: sessions begin after gaps of so many minutes, and of so many times the usual gap.
SESSION_GAP, SESSION_FACTOR = 30, 20


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
    is_session: np.ndarray  # the bar is the first one of its trading day


def measure_scales(bars: Bars, tick: int, sessions: Sessions | None = None) -> Scales:
    """The scales of these bars. `sessions`: when the exchange trades; None if that is not known."""
    step, is_linked = _find_steps(bars)
    gap = np.ones(len(bars), np.int64)
    gap[1:] = np.maximum(np.diff(bars.ts) // MINUTE, 1)
    (steps,) = roll_quantiles(np.abs(step), (0.9,))
    (volume,) = roll_quantiles(bars.volume.astype(np.float64), (0.5,))
    (usual_gap,) = roll_quantiles(gap.astype(np.float64), (0.5,))
    move = measure_moves(bars, tick)
    floor = _find_floor(tick)
    jump = np.clip(STEP_FACTOR * steps, floor, move) * np.clip(np.sqrt(gap / usual_gap), 1.0, MAX_GAP_FACTOR)
    _measure_gaps(jump, step, gap, is_linked, floor)
    is_session = (gap > SESSION_GAP) & (gap > SESSION_FACTOR * usual_gap)
    if sessions is not None:
        is_session = np.diff(sessions.find_day(bars.ts), prepend=-2) != 0
    return Scales(move, jump, step, gap, usual_gap, is_linked, np.maximum(volume, 1.0), usual_gap > 1, is_session)


def measure_moves(bars: Bars, tick: int) -> np.ndarray:
    """The usual move within a bar around each one, from the close before it on; 1e-9."""
    step, _ = _find_steps(bars)
    before = bars.open - step
    moves = np.maximum(bars.high, before) - np.minimum(bars.low, before)
    middle, upper = roll_quantiles(moves, (0.5, 0.9))
    usual = np.maximum(middle, upper / 2)
    least = MIN_SHARE * float(np.median(usual)) if len(usual) else 0.0
    found: np.ndarray = np.maximum(usual, max(least, _find_floor(tick)))
    return found


def _find_floor(tick: int) -> float:
    return max(MIN_TICKS * tick, 1.0)


def _find_steps(bars: Bars) -> tuple[np.ndarray, np.ndarray]:
    """The step before each bar, 0 where there is none, and whether there is one."""
    step = np.zeros(len(bars))
    step[1:] = bars.open[1:] - bars.close[:-1]
    is_linked = np.ones(len(bars), bool)
    is_linked[:1] = False
    is_linked[1:] = bars.instrument[1:] == bars.instrument[:-1]
    step[~is_linked] = 0
    return step, is_linked


def _measure_gaps(jump: np.ndarray, step: np.ndarray, gap: np.ndarray, is_linked: np.ndarray, floor: float) -> None:
    """Set the scale of steps across gaps to what they were across other gaps of the like, if there are enough."""
    for where in find_gaps(gap, is_linked):
        usual = GAP_FACTOR * float(np.median(np.abs(step[where])))
        # Not less than half of what the market around the gap suggests: calm and wild days differ.
        jump[where] = np.maximum(np.maximum(jump[where] / 2, usual), floor)


def find_gaps(gap: np.ndarray, is_linked: np.ndarray) -> list[np.ndarray]:
    """The positions of the bars after gaps of each class that has enough of them."""
    classes = [np.flatnonzero((gap >= least) & (gap <= most) & is_linked) for least, most in GAP_CLASSES]
    return [where for where in classes if len(where) >= MIN_GAPS]
