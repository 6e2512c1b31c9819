"""The needs of a series, compared with sets of minutes, and with what a purchase would change."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingestion.feeds.history.planning.needs import (
    DAY_MINUTES,
    REASONS,
    REPLACING,
    Needs,
    SeriesHistory,
    VendorDays,
    Window,
    find_needs,
)

FIRST = 20_000  # Friday, 4 October 2024
DAYS = 45
WEEKEND = (FIRST + np.arange(DAYS) + 3) % 7 == 5


def make_history(**changes: Any) -> SeriesHistory:
    zeros = {name: np.zeros(DAYS, np.int64) for name in ("covered_from", "covered_until", "records", "bars")}
    flags = {name: np.zeros(DAYS, bool) for name in ("was_degraded", "has_live", "has_lost")}
    fields: dict[str, Any] = zeros | flags | {"modified": np.full(DAYS, -1, np.int64), "is_closed": WEEKEND}
    return SeriesHistory(FIRST, **(fields | {"empty": np.empty((2, 0), np.int64)} | changes))


def make_vendor(**changes: Any) -> VendorDays:
    flags: dict[str, Any] = {name: np.zeros(DAYS, bool) for name in ("is_missing", "is_pending", "is_degraded")}
    return VendorDays(FIRST, **({"modified": FIRST + np.arange(DAYS) + 1} | flags | changes))


def cover(history: SeriesHistory, vendor: VendorDays, needs: Needs) -> SeriesHistory:
    """The history after all of `needs` were bought: a minute has a bar, except on weekend days."""
    covered = {name: getattr(history, name).copy() for name in ("covered_from", "covered_until", "records", "bars")}
    modified, has_lost = history.modified.copy(), history.has_lost.copy()
    replaces = np.array([REASONS[reason] in REPLACING for reason in needs.reason], bool)
    order = np.argsort(~replaces, kind="stable")
    for start, end in np.array([needs.start, needs.end]).T[order].tolist():
        for index in range(start // DAY_MINUTES - FIRST, (end - 1) // DAY_MINUTES + 1 - FIRST):
            low, high = max(start, (FIRST + index) * DAY_MINUTES), min(end, (FIRST + index + 1) * DAY_MINUTES)
            known = covered["covered_until"][index] > 0
            if known:
                assert low <= covered["covered_until"][index] and high >= covered["covered_from"][index]
                whole = low <= covered["covered_from"][index] and high >= covered["covered_until"][index]
                modified[index] = vendor.modified[index] if whole else modified[index]
                has_lost[index] &= not whole
                low = min(low, covered["covered_from"][index])
                high = max(high, covered["covered_until"][index])
            else:
                modified[index] = vendor.modified[index]
            covered["covered_from"][index], covered["covered_until"][index] = low, high
            covered["records"][index] = covered["bars"][index] = (high - low) * (not WEEKEND[index])
    return replace(history, modified=modified, has_lost=has_lost, **covered)


def find(history: SeriesHistory, vendor: VendorDays, window: Window, **options: Any) -> Needs:
    arguments: dict[str, Any] = {"is_kept": np.zeros(DAYS, bool), "is_verified": True}
    return find_needs(history, vendor, window, **(arguments | options))


def list_ranges(needs: Needs) -> list[tuple[int, int, str]]:
    """Days from FIRST on, in which a range of whole days starts and ends, and its reason."""
    ranges = np.array([needs.start, needs.end]) / DAY_MINUTES - FIRST
    return [(*edges, REASONS[reason].value) for edges, reason in zip(ranges.T.tolist(), needs.reason, strict=True)]


WHOLE = Window(FIRST * DAY_MINUTES, (FIRST + DAYS) * DAY_MINUTES, (FIRST + DAYS) * DAY_MINUTES)


def cover_days(*days: int) -> SeriesHistory:
    """A history that covers these days, counted from FIRST on."""
    since, until, bars = (np.zeros(DAYS, np.int64) for _ in range(3))
    for day in days:
        since[day], until[day] = (FIRST + day) * DAY_MINUTES, (FIRST + day + 1) * DAY_MINUTES
        bars[day] = 0 if WEEKEND[day] else DAY_MINUTES
    modified = np.where(until > 0, FIRST + np.arange(DAYS) + 1, -1)
    return make_history(covered_from=since, covered_until=until, records=bars, bars=bars, modified=modified)


def test_nothing_stored_is_one_range_for_each_month():
    month_ends = np.flatnonzero(
        np.diff((FIRST + np.arange(DAYS)).astype("datetime64[D]").astype("datetime64[M]").astype(int))
    )
    edges = [0, *(month_ends + 1).tolist(), DAYS]
    assert list_ranges(find(make_history(), make_vendor(), WHOLE)) == [
        (start, end, "missing") for start, end in itertools.pairwise(edges)
    ]


def test_a_hole_in_the_middle_is_a_hole_and_the_ends_are_missing():
    history = cover_days(*range(2, 5), *range(6, 9))
    found = list_ranges(find(history, make_vendor(), replace(WHOLE, end=(FIRST + 10) * DAY_MINUTES)))
    assert found == [(0, 2, "missing"), (5, 6, "hole"), (9, 10, "missing")]


def test_a_weekend_day_alone_is_not_requested_but_beside_a_needed_day_it_is():
    saturday = int(np.flatnonzero(WEEKEND)[0])
    alone = cover_days(*(day for day in range(DAYS) if day != saturday))
    assert list_ranges(find(alone, make_vendor(), WHOLE)) == []
    beside = cover_days(*(day for day in range(DAYS) if day not in (saturday, saturday + 1)))
    assert list_ranges(find(beside, make_vendor(), WHOLE)) == [(saturday, saturday + 2, "hole")]


def test_days_that_the_vendor_lacks_or_makes_are_not_requested():
    missing, pending = np.zeros(DAYS, bool), np.zeros(DAYS, bool)
    missing[3], pending[4] = True, True
    window = replace(WHOLE, end=(FIRST + 8) * DAY_MINUTES)
    needs = find(make_history(), make_vendor(is_missing=missing, is_pending=pending), window)
    assert list_ranges(needs) == [(0, 3, "missing"), (5, 8, "missing")]
    assert needs.pending.tolist() == [FIRST + 4]


def test_the_day_within_which_history_ends_is_requested_up_to_there_although_it_is_pending():
    pending = np.zeros(DAYS, bool)
    pending[4] = True
    stop = (FIRST + 4) * DAY_MINUTES + 600
    needs = find(make_history(), make_vendor(is_pending=pending), Window(WHOLE.start, WHOLE.end, stop))
    assert (needs.end[-1], needs.pending.tolist()) == (stop, [])


def test_revised_days_are_requested_once_and_old_ones_listed():
    history = cover_days(*range(DAYS))
    vendor = make_vendor(modified=history.modified + 5 * (np.arange(DAYS) == 7))
    assert list_ranges(find(history, vendor, WHOLE)) == [(7, 8, "revised")]
    later = replace(WHOLE, available_end=WHOLE.end + 90 * DAY_MINUTES)
    needs = find(history, vendor, later)
    assert (list_ranges(needs), needs.for_person.tolist()) == ([], [FIRST + 7])
    assert list_ranges(find(history, vendor, later, include_revised=True)) == [(7, 8, "revised")]
    degraded = replace(vendor, is_degraded=np.arange(DAYS) == 7)
    assert list_ranges(find(history, degraded, WHOLE)) == [(7, 8, "degraded")]


def test_a_day_made_on_the_next_day_is_no_revision():
    """A day is bought up to within it, and the vendor makes it whole on the next day."""
    history = replace(cover_days(*range(DAYS)), modified=FIRST + np.arange(DAYS))
    assert list_ranges(find(history, make_vendor(), WHOLE)) == []


def test_lost_bars_are_loaded_from_kept_files_or_bought_again():
    history = replace(cover_days(*range(DAYS)), has_lost=np.arange(DAYS) == 8)
    needs = find(history, make_vendor(), WHOLE, is_kept=np.ones(DAYS, bool))
    assert (list_ranges(needs), needs.to_reload.tolist()) == ([], [FIRST + 8])
    needs = find(history, make_vendor(), WHOLE)
    assert (list_ranges(needs), needs.to_reload.tolist()) == ([(8, 9, "file_lost")], [])


def test_bars_of_unknown_origin_are_compared_before_they_are_requested():
    history = make_history(bars=np.where(np.arange(DAYS) < 3, 900, 0))
    window = replace(WHOLE, end=(FIRST + 5) * DAY_MINUTES)
    needs = find(history, make_vendor(), window, is_verified=False)
    assert (needs.to_verify - FIRST).tolist() == [0, 1, 2]
    assert list_ranges(needs) == [(3, 5, "missing")]
    assert list_ranges(find(history, make_vendor(), window)) == [(0, 3, "hole"), (3, 5, "missing")]


def test_live_bars_are_confirmed_and_not_compared():
    live = np.arange(DAYS) == 2
    history = make_history(bars=np.where(live, 900, 0), has_live=live)
    needs = find(history, make_vendor(), replace(WHOLE, end=(FIRST + 3) * DAY_MINUTES), is_verified=False)
    assert (needs.to_verify.tolist(), list_ranges(needs)) == ([], [(0, 2, "missing"), (2, 3, "confirm")])


def test_known_empty_ranges_are_not_requested():
    empty = np.array([[(FIRST + 1) * DAY_MINUTES + 60], [(FIRST + 3) * DAY_MINUTES]])
    window = replace(WHOLE, end=(FIRST + 5) * DAY_MINUTES)
    needs = find(make_history(empty=empty), make_vendor(), window)
    assert list_ranges(needs) == [(0, pytest.approx(1 + 1 / 24), "missing"), (3, 5, "missing")]


def test_minutes_between_two_covered_ranges_of_a_day_are_requested_with_them():
    """A day is covered in one range, so that a request never leaves unknown minutes between."""
    since, until = np.zeros(DAYS, np.int64), np.zeros(DAYS, np.int64)
    midnight = (FIRST + 2) * DAY_MINUTES
    since[2], until[2] = midnight + 120, midnight + 180
    history = make_history(covered_from=since, covered_until=until)
    needs = find(history, make_vendor(), Window(midnight + 600, midnight + 660, WHOLE.end))
    assert (needs.start.tolist(), needs.end.tolist()) == ([midnight + 180], [midnight + 660])
    needs = find(history, make_vendor(), Window(midnight + 30, midnight + 60, WHOLE.end))
    assert (needs.start.tolist(), needs.end.tolist()) == ([midnight + 30], [midnight + 120])


days = st.lists(st.booleans(), min_size=DAYS, max_size=DAYS).map(np.array)
minutes = st.integers(0, DAYS * DAY_MINUTES).map(lambda minute: FIRST * DAY_MINUTES + minute)


@st.composite
def histories(draw: st.DrawFn) -> SeriesHistory:
    """Any coverage: none, whole days, days from within or up to within."""
    midnight = (FIRST + np.arange(DAYS)) * DAY_MINUTES
    covered = draw(days)
    since = np.where(draw(days), midnight, midnight + draw(st.integers(0, 700)))
    until = np.where(draw(days), midnight + DAY_MINUTES, midnight + draw(st.integers(701, DAY_MINUTES)))
    bars = np.where(draw(days), 50, 0)
    lost = covered & draw(days)
    modified = np.where(draw(days), midnight // DAY_MINUTES + 1, -1)
    return make_history(
        covered_from=np.where(covered, since, 0),
        covered_until=np.where(covered, until, 0),
        bars=bars,
        has_lost=lost,
        modified=np.where(covered, modified, -1),
        is_closed=WEEKEND & (bars == 0),
    )


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(histories(), days, days, days, st.tuples(minutes, minutes).map(sorted), minutes)
def test_after_all_is_bought_nothing_is_needed(history, missing, pending, revised, edges, available_end):
    vendor = make_vendor(
        is_missing=missing, is_pending=pending, modified=FIRST + np.arange(DAYS) + 1 + 4 * revised.astype(np.int64)
    )
    window = Window(edges[0], edges[1], available_end)
    needs = find(history, vendor, window, include_revised=True)
    again = find(cover(history, vendor, needs), vendor, window, include_revised=True)
    assert list_ranges(again) == []


@settings(max_examples=25, deadline=None)
@given(histories(), days, st.tuples(minutes, minutes).map(sorted))
def test_each_needed_minute_is_requested_once_and_no_covered_one(history, missing, edges):
    """Without lost and revised days: each minute of a week of the window that is not covered, one after another."""
    edges = [edges[0], min(edges[1], edges[0] + 7 * DAY_MINUTES)]
    history = replace(history, has_lost=np.zeros(DAYS, bool), modified=np.full(DAYS, FIRST + DAYS + 2))
    needs = find(history, make_vendor(is_missing=missing), Window(*edges, WHOLE.end))
    ranges = list(zip(needs.start.tolist(), needs.end.tolist(), strict=True))
    assert all(start < end for start, end in ranges)
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(ranges))
    requested = {minute for start, end in ranges for minute in range(start, end)}
    wanted = set()
    for index in range(DAYS):
        midnight = (FIRST + index) * DAY_MINUTES
        since, until = history.covered_from[index], history.covered_until[index]
        for minute in range(max(midnight, edges[0]), min(midnight + DAY_MINUTES, edges[1])):
            is_covered = since <= minute < until
            assert not (is_covered and minute in requested)
            if not is_covered and not missing[index] and not (WEEKEND[index] and not history.bars[index]):
                wanted.add(minute)
    assert wanted <= requested
