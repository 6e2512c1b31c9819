"""Bars that equal earlier ones: flat runs, repeated days, and days that are stamped an hour late."""

from __future__ import annotations

import numpy as np
import pytest

from marketdata.quality.detectors.flat import find_flat
from marketdata.quality.detectors.model import DAY, HOUR, MINUTE, Bars
from marketdata.quality.detectors.repeated import find_repeated, hash_rows
from marketdata.tests.quality.detectors.markets import PRICES, change, judge_all, make_market


def repeat_first(bars: Bars, first: int, count: int, names: tuple[str, ...]) -> Bars:
    where = slice(first, first + count)
    return change(bars, where, **{name: int(getattr(bars, name)[first]) for name in names})


@pytest.mark.parametrize("names", [(*PRICES, "volume"), PRICES])
def test_a_stale_hour_is_one_finding(names):
    bars, context = make_market()
    first = int(np.argmax((bars.high > bars.low) & (np.arange(len(bars)) > 5000)))
    (found,) = judge_all([find_flat], repeat_first(bars, first, 60, names), context)
    assert (found.start_ns, found.end_ns) == (int(bars.ts[first]), int(bars.ts[first + 59]) + MINUTE)


def test_a_limit_lock_is_one_information_at_most():
    bars, context = make_market("limit locks", 42)
    found = judge_all([find_flat], bars, context)
    assert {one.severity for one in found} <= {"info"}
    assert len({one.start_ns // DAY for one in found}) == len(found)


def test_a_thin_market_at_one_price_is_not_flat():
    bars, context = make_market("back month")
    assert judge_all([find_flat], bars, context) == []


def copy_day(bars: Bars, days: int) -> tuple[Bars, int, int]:
    """The bars whose second Wednesday has the bars of `days` days before."""
    start = int(bars.ts[0]) // DAY * DAY + 9 * DAY
    source, kept = (
        bars.slice(start - days * DAY, start - days * DAY + DAY),
        (bars.ts < start) | (bars.ts >= start + DAY),
    )
    parts = {name: np.concatenate((getattr(bars, name)[kept], getattr(source, name))) for name in (*PRICES, "volume")}
    ts = np.concatenate((bars.ts[kept], source.ts + days * DAY))
    order = np.argsort(ts)
    values = {name: part[order] for name, part in parts.items()}
    return Bars(ts=ts[order], instrument=np.zeros(len(ts), np.int32), **values), start, start + DAY


@pytest.mark.parametrize("days", [1, 7])
def test_a_repeated_day_is_one_finding(days):
    bars, context = make_market()
    faulty, start, end = copy_day(bars, days)
    (found,) = judge_all([find_repeated], faulty, context)
    assert abs(found.start_ns - start) <= HOUR
    assert abs(found.end_ns - end) <= HOUR


def test_a_day_of_an_earlier_window_is_remembered():
    bars, context = make_market(days=35)
    faulty, start, end = copy_day(bars, 7)
    memory: dict = {}
    windows = [(int(bars.ts[0]), start - DAY), (start - DAY, end + DAY)]
    found = []
    for window in windows:
        part = type(context)(judged=window, calendar=context.calendar, memory=memory)
        found += find_repeated(faulty.slice(*window), part)
    assert [one.kind for one in found] == ["repeated"]


@pytest.mark.parametrize("market", ["front", "back month", "near back month", "calendar spread"])
def test_days_of_real_shape_are_not_repeated(market):
    bars, context = make_market(market)
    assert judge_all([find_repeated], bars, context) == []


@pytest.mark.parametrize("hours", [1, -1])
def test_a_day_stamped_an_hour_late_or_early_is_found(hours):
    bars, context = make_market()
    calendar = context.calendar
    assert calendar is not None
    day = int(calendar.find_day(bars.ts[len(bars) // 2 : len(bars) // 2 + 1])[0])
    where = slice(*np.searchsorted(bars.ts, (calendar.day_start[day], calendar.day_end[day])))
    moved = bars.ts.copy()
    moved[where] += hours * HOUR
    times, first = np.unique(moved, return_index=True)
    faulty = Bars(times, *(getattr(bars, name)[first] for name in (*PRICES, "volume", "instrument")))
    (found,) = judge_all([find_repeated], faulty, context)
    assert ("late" if hours > 0 else "early") in found.text
    assert found.start_ns == int(calendar.opened[calendar.opened_day == day][0]) + max(hours, -1) * HOUR


def test_the_hash_ignores_the_level_only():
    bars, _ = make_market(days=3)
    higher = change(bars, slice(0, len(bars)), **dict.fromkeys(PRICES, lambda old: old + 10**9))
    assert (hash_rows(bars) == hash_rows(higher)).all()
    rows = list(zip(bars.high - bars.open, bars.open - bars.low, bars.close - bars.open, bars.volume, strict=True))
    assert len(np.unique(hash_rows(bars))) == len(set(rows))
