"""Runs of bars that an earlier day already had, and days that are stamped an hour late."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from marketdata.quality.detectors.model import MINUTE, Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.findings import format_count, format_minute, get_span
from marketdata.quality.detectors.prices.late_days import find_late_days

LENGTH = 8  # bars that are compared at once
MIN_DISTINCT = 4  # different bars among them: a market at rest repeats itself
# Bits of a run: each bar counts by how rare it is. Bars of a thin market are alike by chance.
MIN_SURPRISE = 150.0
MIN_APART = 60 * MINUTE  # nearer bars that are equal are a flat run
_SAMPLED = 16  # of earlier windows only one of so many hashes is remembered
_MULTIPLIERS = (0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93)


@dataclass
class _Known:
    """Hashes of earlier windows, sorted, and where they are."""

    until: int = -(2**63)
    hashes: np.ndarray = field(default_factory=lambda: np.empty(0, np.uint64))
    ts: np.ndarray = field(default_factory=lambda: np.empty(0, np.int64))


def find_repeated(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each run of bars that equals an earlier one: the shapes of the bars, and their volumes."""
    near = bars.slice(int(bars.ts[0]) if len(bars) else 0, context.judged[1])
    if len(near) < LENGTH:
        return []
    rows = hash_rows(near)
    grams, is_distinct = _hash_grams(rows)
    known = context.memory.setdefault("repeated", _Known())
    pairs = _pair_within(grams, is_distinct, near.ts) + _pair_with_known(grams, is_distinct, near.ts, known)
    _remember(known, grams, is_distinct, near.ts)
    return _describe_runs(near, rows, pairs, context) + find_late_days(bars, context)


def hash_rows(bars: Bars) -> np.ndarray:
    """A hash of each bar's shape and volume, whatever its level: uint64."""
    parts = (bars.high - bars.open, bars.open - bars.low, bars.close - bars.open, bars.volume)
    result = np.zeros(len(bars), np.uint64)
    for part, multiplier in zip(parts, _MULTIPLIERS, strict=True):
        result = (result ^ part.astype(np.uint64)) * np.uint64(multiplier)
        result ^= result >> np.uint64(29)
    return result


def _hash_grams(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A hash of each `LENGTH` bars from a position on, and whether they differ enough among themselves."""
    count = len(rows) - LENGTH + 1
    grams, changes = np.zeros(count, np.uint64), np.zeros(count, np.int64)
    for step in range(LENGTH):
        part = rows[step : step + count]
        grams = (grams ^ part) * np.uint64(_MULTIPLIERS[step % 4])
        grams ^= grams >> np.uint64(31)
        if step:
            changes += part != rows[step - 1 : step - 1 + count]
    return grams, changes >= MIN_DISTINCT


Pair = tuple[
    int, int, int
]  # first and last position (exclusive) of a run, and the time of the first bar that it equals


def _pair_within(grams: np.ndarray, is_distinct: np.ndarray, ts: np.ndarray) -> list[Pair]:
    """Runs whose grams occur earlier in the same bars."""
    chosen = np.flatnonzero(is_distinct)
    order = chosen[np.argsort(grams[chosen], kind="stable")]
    equal = np.flatnonzero(grams[order][1:] == grams[order][:-1])
    earlier, later = order[equal], order[equal + 1]
    return _join(later, ts[earlier], ts)


def _pair_with_known(grams: np.ndarray, is_distinct: np.ndarray, ts: np.ndarray, known: _Known) -> list[Pair]:
    """Runs whose grams occur in an earlier window, before the first of these bars."""
    if not len(known.hashes):
        return []
    chosen = np.flatnonzero(is_distinct & (grams % np.uint64(_SAMPLED) == 0))
    found = np.minimum(np.searchsorted(known.hashes, grams[chosen]), len(known.hashes) - 1)
    is_equal = (known.hashes[found] == grams[chosen]) & (known.ts[found] < ts[0])
    return _join(chosen[is_equal], known.ts[found[is_equal]], ts, room=8 * _SAMPLED)


def _join(later: np.ndarray, earlier_ts: np.ndarray, ts: np.ndarray, *, room: int = LENGTH) -> list[Pair]:
    """Positions whose distance in time to the earlier bars stays the same, joined to runs; `room` bars may lack."""
    order = np.argsort(later, kind="stable")
    later, earlier_ts = later[order], earlier_ts[order]
    far = ts[later] - earlier_ts >= MIN_APART
    later, earlier_ts = later[far], earlier_ts[far]
    if not len(later):
        return []
    shift = ts[later] - earlier_ts
    cuts = np.flatnonzero((np.diff(later) > room) | (np.diff(shift) != 0)) + 1
    firsts, lasts = np.concatenate(([0], cuts)), np.concatenate((cuts, [len(later)])) - 1
    return [
        (int(later[first]), int(later[last]) + LENGTH, int(earlier_ts[first]))
        for first, last in zip(firsts.tolist(), lasts.tolist(), strict=True)
    ]


def _remember(known: _Known, grams: np.ndarray, is_distinct: np.ndarray, ts: np.ndarray) -> None:
    starts = ts[: len(grams)]
    chosen = is_distinct & (grams % np.uint64(_SAMPLED) == 0) & (starts > known.until)
    hashes, times = np.concatenate((known.hashes, grams[chosen])), np.concatenate((known.ts, starts[chosen]))
    order = np.argsort(hashes, kind="stable")
    known.hashes, known.ts, known.until = hashes[order], times[order], int(starts[-1])


def _describe_runs(bars: Bars, rows: np.ndarray, pairs: list[Pair], context: SeriesContext) -> list[Detected]:
    _, inverse, counts = np.unique(rows, return_inverse=True, return_counts=True)
    # A bar that occurs twice, here and there, occurs once by chance at most.
    bits = -np.log2(np.maximum(counts[inverse] - 1, 1) / max(len(rows), 2))
    threshold = context.thresholds.repeated
    found: list[Detected] = []
    for first, stop, earlier in sorted(pairs):
        if not context.judged[0] <= bars.ts[first] < context.judged[1]:
            continue
        if stop - first < threshold or bits[first:stop].sum() < MIN_SURPRISE:
            continue
        positions = np.arange(first, stop)
        start, end = get_span(bars, positions)
        if found and start < found[-1].end_ns + MIN_APART:
            last = found.pop()
            start, end = last.start_ns, max(last.end_ns, end)
        text = (
            f"{format_count(stop - first)} from {format_minute(start)} on equal those from {format_minute(earlier)} on."
        )
        evidence = bars.describe(positions)
        found.append(Detected("repeated", "error", start, end, float(stop - first), threshold, text, evidence))
    return found
