"""Bars without volume, and volumes that neither the time of day nor the bar's range explains."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import DAY, MINUTE, Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.findings import format_count, format_minute, get_span, group_neighbours
from marketdata.quality.detectors.prices.rolling import roll_quantiles
from marketdata.quality.detectors.prices.scales import measure_moves

LEAD, TAIL = 30 * DAY, 3 * DAY
# Large trades come together: the bars beside an outlier have this share of it, or more.
NEIGHBOUR_SHARE = 0.4
# Of the own volumes, compared with what is usual: only a multiple of what one of 50 bars has is an outlier.
TAIL_SHARE, TAIL_FACTOR = 0.98, 6.0
THIN_FACTOR = 2.0  # blocks are traded in thin markets, too
MAX_TAIL_FACTOR = 10.0  # times the threshold: many faults must not hide each other
FEW_BARS, FEW_FACTOR = 200, 3.0
# A wrong unit multiplies by 100 or more, and leaves multiples of 100. One of 100 usual volumes is one by chance, so
# such a volume needs less, and any other one more. It shows nothing where lots of 100 are traded, as of shares.
ROUND = 100
ROUND_FACTOR, ODD_FACTOR, MAX_ROUND_SHARE = 0.6, 2.0, 0.05
MAX_ZERO_SHARE = 0.02  # more bars without volume are a feed that fills minutes: one finding for a day


def find_volume_zero(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each run of bars without volume; one for each day where they are usual."""
    judged = bars.slice(*context.judged)
    zero = np.flatnonzero(judged.volume <= 0)
    if not len(zero):
        return []
    is_usual = len(zero) > max(MAX_ZERO_SHARE * len(judged), 100)
    groups = [zero] if is_usual else group_neighbours(judged, zero)
    threshold = context.thresholds.volume_zero
    found = []
    for positions in groups:
        if len(positions) >= threshold:
            start, end = get_span(judged, positions)
            text = f"{format_count(len(positions))} from {format_minute(start)} on without volume."
            evidence = judged.describe(positions)
            found.append(Detected("volume_zero", "error", start, end, float(len(positions)), threshold, text, evidence))
    return found


def find_volume_outlier(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each run of bars whose volume is a multiple of the usual one."""
    near = bars.slice(context.judged[0] - LEAD, context.judged[1] + TAIL)
    if len(near) < 3:
        return []
    expected = estimate_volumes(near, context)
    scores = near.volume / expected
    scores /= np.where(roll_quantiles(np.diff(near.ts, prepend=near.ts[0]), (0.5,))[0] > MINUTE, THIN_FACTOR, 1.0)
    threshold = context.thresholds.volume_outlier
    needed = threshold * FEW_FACTOR
    if len(near) >= FEW_BARS:
        rank = int(TAIL_SHARE * (len(scores) - 1))
        tail = TAIL_FACTOR * float(np.partition(scores, rank)[rank])
        needed = max(threshold, min(tail, MAX_TAIL_FACTOR * threshold))
    is_outlier = scores >= needed * _weigh_roundness(near.volume)
    found = []
    for positions in group_neighbours(near, np.flatnonzero(is_outlier & context.judges(near.ts))):
        start, end = get_span(near, positions)
        largest = positions[np.argmax(scores[positions])]
        text = (
            f"The volume at {format_minute(int(near.ts[largest]))} is {int(near.volume[largest]):,}; "
            f"usual at that time and for that range is {expected[largest]:,.0f}."
        )
        value = round(float(scores[largest]), 1)
        evidence = near.describe(np.unique(np.clip([largest - 1, largest, largest + 1], 0, len(near) - 1)))
        found.append(Detected("volume_outlier", "error", start, end, value, threshold, text, evidence))
    return found


def _weigh_roundness(volume: np.ndarray) -> np.ndarray:
    """The factor of the threshold of each volume, by whether it is a multiple of `ROUND`."""
    is_round = (volume % ROUND == 0) & (volume > 0)
    if is_round.mean() > MAX_ROUND_SHARE:
        return np.ones(len(volume))
    return np.where(is_round, ROUND_FACTOR, ODD_FACTOR)


def estimate_volumes(bars: Bars, context: SeriesContext) -> np.ndarray:
    """The usual volume of each bar: by the bars around it, the time of day, and its range. At least 1."""
    volume = bars.volume.astype(np.float64)
    around = np.maximum(roll_quantiles(volume, (0.5,))[0], 1.0)
    minute = context.calendar.find_local_minute(bars.ts) if context.calendar else bars.ts // MINUTE % 1440
    by_time = _shape_of_day(volume / around, minute)[minute]
    day_level = _find_day_levels(bars.ts, volume)
    at_time = _shape_of_day(volume / day_level, minute)[minute] * day_level
    usual = np.maximum(np.maximum(around * np.maximum(by_time, 1.0), at_time), 1.0)
    padded = np.pad(volume, 1)
    usual = np.maximum(usual, NEIGHBOUR_SHARE * np.maximum(padded[:-2], padded[2:]))
    spread = (bars.high - bars.low) / measure_moves(bars, context.tick)
    result: np.ndarray = usual * np.maximum(spread, 1.0)
    return result


def _find_day_levels(ts: np.ndarray, volume: np.ndarray) -> np.ndarray:
    """The median volume of each bar's UTC day, at least 1."""
    _, first, inverse = np.unique(ts // DAY, return_index=True, return_inverse=True)
    medians = [max(float(np.median(part)), 1.0) for part in np.split(volume, first[1:])]
    return np.array(medians)[inverse]


def _shape_of_day(values: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """The median value of each of 1440 minutes; 0 for a minute with fewer than 5 values."""
    order = np.lexsort((values, minute))
    counts = np.bincount(minute, minlength=1440)
    starts = np.cumsum(counts) - counts
    ordered = values[order]
    middle = np.minimum(starts + counts // 2, max(len(values) - 1, 0))
    return np.where(counts >= 5, ordered[middle], 0.0)
