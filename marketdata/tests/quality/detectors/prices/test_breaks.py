"""Whole sessions of another contract, wherever they are: beside a weekend, with a tenth of the bars, in parts."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from marketdata.quality.detectors.model import DAY, HOUR, MINUTE, Bars, SeriesContext
from marketdata.quality.detectors.prices.scales import measure_scales
from marketdata.quality.detectors.spike import find_spike
from marketdata.quality.detectors.wrong_contract import find_wrong_contract
from marketdata.tests.quality.detectors.markets import PRICES, judge_all, make_market

BASIS = 0.008


def make_moving_market() -> tuple[Bars, SeriesContext]:
    """A front month whose prices move in each break by some basis points, over weekends by more."""
    bars, context = make_market("front", 90)
    breaks = np.flatnonzero(np.diff(bars.ts) >= 45 * MINUTE) + 1
    days = (bars.ts[breaks] - bars.ts[breaks - 1]) / DAY
    rng = np.random.default_rng(8)
    share = rng.standard_t(4, len(breaks)) * np.where(days > 0.5, 0.0015, 0.0003)
    moves = np.zeros(len(bars), np.int64)
    moves[breaks] = np.rint(share * 7_000 * 10**9 / context.tick).astype(np.int64) * context.tick
    moved = {name: getattr(bars, name) + np.cumsum(moves) for name in PRICES}
    return replace(bars, **moved), context


MOVING, CONTEXT = make_moving_market()


def list_sessions(bars: Bars) -> list[tuple[int, int]]:
    """First and last position (exclusive) of each session from the third week on."""
    edges = [0, *(np.flatnonzero(np.diff(bars.ts) >= 45 * MINUTE) + 1).tolist(), len(bars)]
    return list(pairwise(edges))[12:-8]


def replace_run(bars: Bars, first: int, stop: int, *, share: float = 1.0, sign: int = 1) -> Bars:
    """The bars with those of another contract from `first` to `stop`, of which only a share has trades."""
    basis = sign * int(bars.close[first] * BASIS) // CONTEXT.tick * CONTEXT.tick
    values = {name: getattr(bars, name).copy() for name in ("ts", *PRICES, "volume", "instrument")}
    for name in PRICES:
        values[name][first:stop] += basis
    keep = np.ones(len(bars), bool)
    if share < 1:
        keep[first:stop] = np.random.default_rng(first).random(stop - first) < share
        values["volume"][first:stop] = np.maximum(values["volume"][first:stop] // 100, 1)
    return Bars(**{name: column[keep] for name, column in values.items()})


def is_found(bars: Bars, start: int, end: int) -> bool:
    found = judge_all([find_wrong_contract], bars, CONTEXT)
    return any(one.start_ns < end and one.end_ns > start for one in found)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("share", [1.0, 0.1])
def test_sessions_on_every_weekday_are_found(share, sign):
    sessions = list_sessions(MOVING)[::4]
    results = [
        is_found(
            replace_run(MOVING, first, stop, share=share, sign=sign),
            int(MOVING.ts[first]),
            int(MOVING.ts[stop - 1]) + MINUTE,
        )
        for first, stop in sessions
    ]
    assert len(results) >= 10
    assert np.mean(results) >= 0.9, results


@pytest.mark.parametrize("part", ["begin", "end"])
def test_a_part_of_a_session_up_to_its_break_is_found(part):
    results = []
    for first, stop in list_sessions(MOVING)[1::4]:
        run = (first, first + 240) if part == "begin" else (stop - 240, stop)
        start, end = int(MOVING.ts[run[0]]), int(MOVING.ts[run[1] - 1]) + MINUTE
        results.append(is_found(replace_run(MOVING, *run), start, end))
    assert np.mean(results) >= 0.9, results


def thin_out_nights(bars: Bars) -> Bars:
    """The bars without most minutes of the night, as in the first years of a contract."""
    minute = CONTEXT.calendar.find_local_minute(bars.ts)
    is_day = (minute >= 8 * 60) & (minute < 15 * 60)
    return bars.select(is_day | (np.random.default_rng(3).random(len(bars)) < 1 / 15))


def test_sessions_with_pauses_in_the_night_are_found():
    bars = thin_out_nights(MOVING)
    results = [
        is_found(replace_run(bars, first, stop), int(bars.ts[first]), int(bars.ts[stop - 1]) + MINUTE)
        for first, stop in list_days(bars)[12:-8:4]
    ]
    assert len(results) >= 10
    assert np.mean(results) >= 0.9, results


def test_a_session_begins_with_its_trading_day_whatever_the_pauses_of_its_night():
    bars = thin_out_nights(MOVING)
    firsts = [first for first, _ in list_days(bars)]
    assert np.flatnonzero(measure_scales(bars, CONTEXT.tick, CONTEXT.calendar).is_session).tolist() == firsts
    # Without a calendar, long gaps show it.
    assert np.flatnonzero(measure_scales(MOVING, CONTEXT.tick).is_session).tolist() == [
        first for first, _ in list_days(MOVING)[1:]
    ]


def list_days(bars: Bars) -> list[tuple[int, int]]:
    """First and last position (exclusive) of each trading day."""
    edges = np.flatnonzero(np.diff(CONTEXT.calendar.find_day(bars.ts))) + 1
    return list(pairwise([0, *edges.tolist(), len(bars)]))


def test_moves_in_breaks_are_none():
    assert judge_all([find_wrong_contract, find_spike], MOVING, CONTEXT) == []


def test_a_move_that_does_not_come_back_is_none():
    first, _ = list_sessions(MOVING)[6]
    assert judge_all([find_wrong_contract], replace_run(MOVING, first, len(MOVING)), CONTEXT) == []


def test_a_spike_beside_a_break_remains_a_spike():
    first, stop = list_sessions(MOVING)[6]
    at = (first + stop) // 2
    faulty = replace_run(MOVING, at, at + 1)
    (found,) = judge_all([find_wrong_contract, find_spike], faulty, CONTEXT)
    assert (found.kind, found.start_ns) == ("spike", int(MOVING.ts[at]))
    assert found.end_ns - found.start_ns < HOUR
