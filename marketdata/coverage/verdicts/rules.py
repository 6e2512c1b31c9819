"""The rules that decide about the parts of gaps, for all parts at once. The first that holds counts."""

from __future__ import annotations

import numpy as np

from marketdata.coverage.verdicts.knowledge import Knowledge
from marketdata.coverage.verdicts.model import VERDICTS, Verdict
from marketdata.models import VendorDay
from marketdata.rollup.minute_masks import datetime_to_minute

SHORT_MINUTES = 60

# Causes of one verdict. Others are the index of a day, or of a known empty range. From `BY_LIVE` on: the index of a
# range that a live session closed.
BY_HISTORY, BY_FILE, BY_VENDOR_DAY, BY_NOTHING, BY_LIVE = 0, 1, -1, -2, 2


def decide(known: Knowledge, gap: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each part [low, high), in minutes since 1970, of the gap with this number: the index of its verdict in
    `VERDICTS`, and a number that separates the causes of one verdict. A part crosses none of the edges."""
    days = known.days
    day = days.find_index(low)
    condition = days.condition[day]
    covered = (low >= days.covered_from[day]) & (high <= days.covered_until[day])
    degraded = (condition == VendorDay.Condition.DEGRADED) | (covered & (days.was[day] == VendorDay.Condition.DEGRADED))
    empty, live = _find_empty(known, low), _find_live(known, low)
    rules: list[tuple[np.ndarray, Verdict, np.ndarray | int]] = [
        (known.count_open(low, high) == 0, Verdict.CLOSED, BY_NOTHING),
        (covered & degraded, Verdict.DEGRADED, day),
        (covered & (known.stored[day] < days.records[day]), Verdict.MISSING, day),
        (covered, Verdict.NO_TRADE, BY_HISTORY),
        (live >= 0, Verdict.NO_TRADE, BY_LIVE + live),
        (empty >= 0, Verdict.KNOWN_EMPTY, empty),
        (condition == VendorDay.Condition.MISSING, Verdict.KNOWN_EMPTY, BY_VENDOR_DAY),
        (_is_pending(known, condition, low), Verdict.NOT_YET_AVAILABLE, BY_NOTHING),
        (degraded, Verdict.DEGRADED, day),
        (_is_short(known, gap, low, high) & _is_within(low, known.files), Verdict.NO_TRADE, BY_FILE),
    ]
    holds = [rule for rule, _, _ in rules]
    verdicts = np.select(holds, [VERDICTS.index(verdict) for _, verdict, _ in rules], VERDICTS.index(Verdict.MISSING))
    causes = np.select(holds, [np.broadcast_to(cause, low.shape) for _, _, cause in rules], BY_NOTHING)
    return verdicts, causes


def _find_empty(known: Knowledge, low: np.ndarray) -> np.ndarray:
    """The index of the known empty range that has each minute; -1 for none."""
    found = np.full(len(low), -1, np.int64)
    for index, row in enumerate(known.empty):
        found[(low >= datetime_to_minute(row.start)) & (low < datetime_to_minute(row.end))] = index
    return found


def _find_live(known: Knowledge, low: np.ndarray) -> np.ndarray:
    """The index of the last live range that proves each minute; -1 for none."""
    found = np.full(len(low), -1, np.int64)
    for index, part in enumerate(known.live):
        proven = (low >= part.start) & (low < part.end)
        if part.unproven.size:
            proven &= ~np.isin(low, part.unproven)
        found[proven] = index
    return found


def _is_pending(known: Knowledge, condition: np.ndarray, low: np.ndarray) -> np.ndarray:
    pending: np.ndarray = condition == VendorDay.Condition.PENDING
    if known.available_end is None:
        return pending
    return pending | (low >= datetime_to_minute(known.available_end))


def _is_short(known: Knowledge, gap: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Whether the exchange was open for less than an hour of the gap."""
    lengths = np.zeros(int(gap.max(initial=0)) + 1, np.int64)
    np.add.at(lengths, gap, known.count_open(low, high))
    short: np.ndarray = lengths[gap] < SHORT_MINUTES
    return short


def _is_within(moments: np.ndarray, ranges: np.ndarray) -> np.ndarray:
    """Whether each moment is in one of the half-open ranges, which are disjoint and in order."""
    if not ranges.size:
        return np.zeros(len(moments), bool)
    last = np.searchsorted(ranges[0], moments, side="right") - 1
    found: np.ndarray = (last >= 0) & (moments < ranges[1][last])
    return found
