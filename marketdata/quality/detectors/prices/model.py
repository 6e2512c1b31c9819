"""What the price detectors find, and the numbers that several of them use."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.quality.detectors.model import DAY

MAX_RUN = 4 * DAY  # from a jump to the one that cancels it
# Two jumps cancel out if their sum is at most this share of the first one.
MAX_REMAINDER = 0.35
# Prices of thin markets move between their bars, and trades there are further from the last one.
THIN_FACTOR, THIN_RUN_FACTOR, LONG_THIN_RUN = 1.25, 2.0, 50
# An extreme that swapped digits explain needs no more than this share of the threshold, if it is at least `MIN_SWAP` of
# the price: among small extremes, chance explains many.
SWAP_SHARE, MIN_SWAP = 0.7, 0.002
# At the ends of the data only one side can be compared.
EDGE_FACTOR = 2.0
GAP_MINUTES = 5  # bars further apart are beside a gap


@dataclass(frozen=True)
class Excursion:
    """The bars from `first` to `stop` (positions, exclusive) have prices `offset` away from the market.

    `score`: in units of the local scale. `is_level`: all prices of all its bars are away, not only single ones.
    """

    first: int
    stop: int
    score: float
    offset: float
    reference: float  # the price before it, or after it at the start of the data
    is_level: bool
    is_swap: bool = False


@dataclass(frozen=True)
class Jump:
    """The price before the bar at this position and the one from it on differ, and it does not come back."""

    at: int
    score: float
    step: float


# First and last position (exclusive), score, offset, reference, and whether all prices are away.
Match = tuple[int, int, float, float, float, bool]


MAX_LOG_ERROR = 0.1  # how far a factor may be from a power of ten, as a logarithm: the market moves meanwhile


def is_power_of_ten(price: float, reference: float) -> bool:
    """Whether one of the prices is about 10, 100, … times the other one."""
    if price * reference <= 0:
        return False
    log = float(np.log10(price / reference))
    return round(log) != 0 and abs(log - round(log)) <= MAX_LOG_ERROR


def round_to(offset: float, tick: int) -> float:
    """The nearest multiple of the tick size; the offset itself if that is not known."""
    return float(round(offset / tick) * tick) if tick else offset
