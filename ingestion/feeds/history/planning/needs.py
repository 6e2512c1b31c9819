"""Which minutes of a series are needed, and why: arrays in, arrays out, without the database or the vendor.

A minute is one since 1970, a day a UTC day since 1970. All ranges are half-open. Every array of `SeriesHistory` and
`VendorDays` has one element per day, from `first` on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from marketdata.calendars.intervals import intersect
from marketdata.models import FeedRequest

DAY_MINUTES = 1440
REVISED_DAYS = 90  # an older day is bought again only if a person requests it

Reason = FeedRequest.Reason
# In the order of the codes that arrays have.
REASONS = (Reason.MISSING, Reason.HOLE, Reason.CONFIRM, Reason.REVISED, Reason.DEGRADED, Reason.FILE_LOST)
# Bars that history delivered before are bought again: before others, whose minutes would extend the days.
REPLACING = frozenset({Reason.REVISED, Reason.DEGRADED, Reason.FILE_LOST})
_MISSING, _HOLE, _CONFIRM, _REVISED, _DEGRADED, _FILE_LOST = range(len(REASONS))


@dataclass(frozen=True)
class VendorDays:
    """The vendor's days: `modified` is the day of the last modification, -1 if unknown."""

    first: int
    modified: np.ndarray
    is_missing: np.ndarray
    is_pending: np.ndarray
    is_degraded: np.ndarray


@dataclass(frozen=True)
class SeriesHistory:
    """What is stored and known of a series.

    History covers each day from `covered_from` to `covered_until`, in minutes since 1970; both 0 for a day that it does
    not cover. It delivered `records` bars, of which `stored` are in the table. `bars` counts all bars of the day.
    `modified` is the vendor's day of modification when the day was loaded, -1 if unknown, and `was_degraded` its
    condition then. `has_live`: live bars that history does not cover. `is_closed`: a weekend day on which the market
    does not open. `has_lost`: bars of the day were lost, also of contracts that a parent symbol brought.

    `empty` are ranges that are known to be empty and not to be asked again: starts and ends.
    """

    first: int
    covered_from: np.ndarray
    covered_until: np.ndarray
    records: np.ndarray
    bars: np.ndarray
    modified: np.ndarray
    was_degraded: np.ndarray
    has_live: np.ndarray
    has_lost: np.ndarray
    is_closed: np.ndarray
    empty: np.ndarray

    @property
    def days(self) -> np.ndarray:
        found: np.ndarray = self.first + np.arange(len(self.bars))
        return found

    @property
    def is_covered(self) -> np.ndarray:
        covered: np.ndarray = self.covered_until > 0
        return covered


@dataclass(frozen=True)
class Window:
    """The minutes that are requested: those of [start, end), which the vendor has up to `available_end`."""

    start: int
    end: int
    available_end: int


@dataclass(frozen=True)
class Needs:
    """`start`, `end`, `reason` (index in `REASONS`): the ranges to request, in time order, none across a month's end.

    The other arrays are days: `to_verify` have bars that no history is known to have delivered, `to_reload` lost bars
    whose files are kept, `for_person` were revised too long ago, `pending` are not available yet.
    """

    start: np.ndarray
    end: np.ndarray
    reason: np.ndarray
    to_verify: np.ndarray
    to_reload: np.ndarray
    for_person: np.ndarray
    pending: np.ndarray


def find_needs(
    history: SeriesHistory,
    vendor: VendorDays,
    window: Window,
    *,
    is_kept: np.ndarray,
    is_verified: bool,
    include_revised: bool = False,
) -> Needs:
    """What is needed of the window.

    `is_kept`: the files of the day's bars are kept, so that lost ones can be loaded again. `is_verified`: days with
    bars that history does not cover were compared with the vendor's count already, so that they are needed.
    """
    days = history.days
    low, high = _clip_days(days, window)
    in_window = low < high
    has_lost = history.has_lost & history.is_covered & in_window
    has_changed = _find_changed(history, vendor) & in_window
    is_recent = days >= window.available_end // DAY_MINUTES - REVISED_DAYS
    is_revised = has_changed & (is_recent | include_revised)
    is_file_lost = has_lost & ~is_kept
    is_available = ~vendor.is_missing & ~(vendor.is_pending & ((days + 1) * DAY_MINUTES <= window.available_end))
    unverified = ~history.is_covered & (history.bars > 0) & ~history.has_live & in_window & is_available
    needed = in_window & is_available
    if not is_verified:
        needed &= ~unverified
    found = [
        _list_uncovered(history, low, high, needed),
        _list_covered(history, is_file_lost & is_available, np.full(len(days), _FILE_LOST)),
        _list_covered(
            history,
            is_revised & ~is_file_lost & is_available,
            np.where(vendor.is_degraded | history.was_degraded, _DEGRADED, _REVISED),
        ),
    ]
    start, end, reason = _join(np.hstack(found))
    return Needs(
        start,
        end,
        reason,
        to_verify=days[unverified],
        to_reload=days[has_lost & is_kept & ~is_revised],
        for_person=days[has_changed & ~is_revised & ~is_file_lost],
        pending=days[in_window & ~is_available & ~vendor.is_missing],
    )


def _clip_days(days: np.ndarray, window: Window) -> tuple[np.ndarray, np.ndarray]:
    """The part of each day within the window that is available; empty where the end is not after the start."""
    stop = min(window.end, window.available_end)
    return np.maximum(days * DAY_MINUTES, window.start), np.minimum((days + 1) * DAY_MINUTES, stop)


def _find_changed(history: SeriesHistory, vendor: VendorDays) -> np.ndarray:
    """Days that the vendor has changed since they were loaded. The vendor makes each day on the day after it, so that
    this alone is no change."""
    before = np.maximum(history.modified, history.days + 1)
    changed: np.ndarray = history.is_covered & (vendor.modified > before)
    return changed


def _list_uncovered(history: SeriesHistory, low: np.ndarray, high: np.ndarray, needed: np.ndarray) -> np.ndarray:
    """The minutes of the window that history neither covers nor knows to be empty: arrays of start, end and reason."""
    covered_from, covered_until, covered = history.covered_from, history.covered_until, history.is_covered
    whole = needed & ~covered
    before = needed & covered & (low < covered_from)
    after = needed & covered & (high > covered_until)
    # History covers one range of a day. So a range that would leave minutes between is extended to it.
    start = np.concatenate([low[whole], low[before], np.minimum(covered_until, high)[after]])
    end = np.concatenate([high[whole], covered_from[before], high[after]])
    start, end = _remove(start, end, history.empty)
    joined = _join(_keep_neighbours(np.array([start, end, _find_reasons(history, start, end)]), history))
    kept: np.ndarray = joined[:, _has_open_day(joined[0], joined[1], history)]
    return kept


def _find_reasons(history: SeriesHistory, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """`missing` before the first and after the last minute that is stored or covered, `hole` between; `confirm` on a
    day with live bars."""
    midnight = history.days * DAY_MINUTES
    known = history.is_covered | (history.bars > 0)
    if not known.any():
        return np.full(len(start), _MISSING)
    first = np.where(history.is_covered, history.covered_from, midnight)[known].min()
    last = np.where(history.is_covered, history.covered_until, midnight + DAY_MINUTES)[known].max()
    reason = np.where((end <= first) | (start >= last), _MISSING, _HOLE)
    has_live: np.ndarray = history.has_live[start // DAY_MINUTES - history.first]
    return np.where(has_live, _CONFIRM, reason)


def _list_covered(history: SeriesHistory, which: np.ndarray, reason: np.ndarray) -> np.ndarray:
    """The covered part of these days."""
    return np.array([history.covered_from[which], history.covered_until[which], reason[which]])


def _remove(start: np.ndarray, end: np.ndarray, removed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parts of the ranges outside `removed`, which are disjoint and in time order."""
    order = np.argsort(start, kind="stable")
    start, end = start[order], end[order]
    if not removed.size or not start.size:
        return start, end
    edges = np.concatenate([[np.iinfo(np.int64).min], removed.T.ravel(), [np.iinfo(np.int64).max]])
    _, low, high = intersect(start, end, edges[::2], edges[1::2])
    return low[low < high], high[low < high]


def _keep_neighbours(ranges: np.ndarray, history: SeriesHistory) -> np.ndarray:
    """Without those on weekend days when the market is closed, unless the range beside them is needed on another day:
    alone, such a day costs a request and brings nothing."""
    start, end, _ = ranges
    kept = ~history.is_closed[start // DAY_MINUTES - history.first]
    for _ in range(2):  # a weekend has two days
        touches = start[1:] == end[:-1]
        kept[1:] |= touches & kept[:-1]
        kept[:-1] |= touches & kept[1:]
    return ranges[:, kept]


def _join(ranges: np.ndarray) -> np.ndarray:
    """In time order. Those of one reason that touch one another are one, up to the end of their month."""
    start, end, reason = ranges.astype(np.int64)[:, np.argsort(ranges[0], kind="stable")]
    month = (start // DAY_MINUTES).astype("datetime64[D]").astype("datetime64[M]")
    opens = np.ones(len(start), bool)
    opens[1:] = (start[1:] != end[:-1]) | (reason[1:] != reason[:-1]) | (month[1:] != month[:-1])
    closes = np.append(opens[1:], True)[: len(start)]
    return np.array([start[opens], end[closes], reason[opens]])


def _has_open_day(start: np.ndarray, end: np.ndarray, history: SeriesHistory) -> np.ndarray:
    """Whether the range has a day other than weekend days when the market is closed."""
    open_before = np.concatenate([[0], np.cumsum(~history.is_closed)])
    first, stop = start // DAY_MINUTES - history.first, (end - 1) // DAY_MINUTES + 1 - history.first
    found: np.ndarray = open_before[stop] > open_before[first]
    return found
