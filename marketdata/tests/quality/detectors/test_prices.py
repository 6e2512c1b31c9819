"""Faults of prices are found wherever they are, and what real markets do is none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marketdata.quality.detectors import DETECTORS
from marketdata.quality.detectors.jump import find_jump
from marketdata.quality.detectors.model import MINUTE, Bars, SeriesContext
from marketdata.quality.detectors.off_tick import find_grid, find_off_tick
from marketdata.quality.detectors.prices.digits import is_swapped
from marketdata.quality.detectors.scale import find_scale
from marketdata.quality.detectors.spike import find_spike
from marketdata.quality.detectors.wrong_contract import find_wrong_contract
from marketdata.tests.quality.detectors.markets import (
    PRICES,
    change,
    judge_all,
    list_kinds,
    make_market,
    scale_prices,
    shift_prices,
)

POINT = 10**9
EMPTY = Bars(*(np.empty(0, np.int64) for _ in range(6)), np.empty(0, np.int32))
LIQUID = ["front", "limit locks", "around zero"]


def find_break(bars: Bars) -> int:
    """The position of the first bar after a break of an hour, in the middle of the data."""
    breaks = np.flatnonzero(np.diff(bars.ts) >= 45 * MINUTE) + 1
    return int(breaks[len(breaks) // 2])


@pytest.mark.parametrize("sign", [1, -1])
def test_a_session_of_another_contract_is_found_between_its_breaks(sign):
    bars, context = make_market("front")
    breaks = np.flatnonzero(np.diff(bars.ts) >= 45 * MINUTE) + 1
    is_daily = np.diff(bars.ts)[breaks - 1] < 200 * MINUTE  # the others are weekends
    at = int(np.flatnonzero(is_daily[:-1] & is_daily[1:])[5])
    session = slice(int(breaks[at]), int(breaks[at + 1]))
    basis = sign * int(bars.close[session.start] * 0.008) // context.tick * context.tick
    values = {name: getattr(bars, name).copy() for name in (*PRICES, "volume")}
    # Prices move while the exchange is closed, too: a twelfth of the basis.
    moves = np.zeros(len(bars), np.int64)
    moves[breaks] = np.random.default_rng(5).choice((-1, 1), len(breaks)) * (abs(basis) // 12)
    for name in PRICES:
        values[name] += np.cumsum(moves) // context.tick * context.tick
        values[name][session] += basis
    values["volume"][breaks] *= 20  # a session opens with many trades
    values["volume"][session] = np.maximum(values["volume"][session] // 3, 1)
    found = judge_all([find_wrong_contract], replace(bars, **values), context)
    assert [(one.start_ns, one.end_ns) for one in found] == [
        (int(bars.ts[session.start]), int(bars.ts[session.stop - 1]) + MINUTE)
    ]


def choose_places(bars: Bars) -> dict[str, int]:
    after = find_break(bars)
    return {
        "first": 0,
        "last": len(bars) - 1,
        "before a break": after - 1,
        "after a break": after,
        "inside": after + 400,
    }


@pytest.mark.parametrize("market", ["front", "stressed", "back month", "calendar spread", *LIQUID[1:]])
def test_clean_bars_have_no_faults_of_prices(market):
    bars, context = make_market(market)
    found = judge_all(DETECTORS, bars, context)
    # A lock is minutes without bars, which find_missing reports.
    assert [one.text for one in found if one.severity != "info" and one.kind != "missing"] == []


@pytest.mark.parametrize("place", ["first", "last", "before a break", "after a break", "inside"])
@pytest.mark.parametrize("share", [0.02, -0.02])
@pytest.mark.parametrize("shape", ["all", "open", "close", "extreme"])
def test_a_spike_is_found_wherever_it_is(place, share, shape):
    bars, context = make_market()
    at = choose_places(bars)[place]
    names = PRICES if shape == "all" else ["high" if share > 0 else "low"] if shape == "extreme" else [shape]
    offset = int(share * 7_000) * POINT
    faulty = change(bars, slice(at, at + 1), **{name: lambda old: old + offset for name in names})
    found = judge_all([find_scale, find_wrong_contract, find_spike, find_jump], faulty, context)
    assert [(one.kind, one.start_ns, one.end_ns) for one in found] == [
        ("spike", int(bars.ts[at]), int(bars.ts[at]) + MINUTE)
    ]


@pytest.mark.parametrize("factor", [100, 10, 0.1, 0.01])
@pytest.mark.parametrize("count", [1, 9, 600])
@pytest.mark.parametrize("place", ["first", "inside", "last"])
def test_a_wrong_scale_is_one_finding_with_its_span(factor, count, place):
    bars, context = make_market()
    first = {"first": 0, "inside": find_break(bars) - count // 2, "last": len(bars) - count}[place]
    faulty = scale_prices(bars, slice(first, first + count), factor)
    (found,) = judge_all([find_scale, find_wrong_contract, find_spike, find_jump], faulty, context)
    assert (found.kind, found.value) == ("scale", pytest.approx(max(factor, 1 / factor)))
    assert (found.start_ns, found.end_ns) == (int(bars.ts[first]), int(bars.ts[first + count - 1]) + MINUTE)


def test_several_faulty_bars_in_a_row_are_one_finding():
    bars, context = make_market()
    at, faulty = find_break(bars) + 300, bars
    for step, offset in enumerate([150, -210, 340]):
        faulty = shift_prices(faulty, slice(at + step, at + step + 1), offset * POINT)
    (found,) = judge_all([find_scale, find_wrong_contract, find_spike], faulty, context)
    assert (found.start_ns, found.end_ns) == (int(bars.ts[at]), int(bars.ts[at + 2]) + MINUTE)


@pytest.mark.parametrize("count", [3, 60, 600])
def test_bars_of_another_contract_are_found(count):
    bars, context = make_market()
    first = find_break(bars) + 200
    faulty = shift_prices(bars, slice(first, first + count), 50 * POINT)  # 71 basis points
    (found,) = judge_all([find_scale, find_wrong_contract, find_spike, find_jump], faulty, context)
    assert (found.kind, round(found.value)) == ("wrong_contract", pytest.approx(71, abs=4))
    assert (found.start_ns, found.end_ns) == (int(bars.ts[first]), int(bars.ts[first + count - 1]) + MINUTE)


def test_the_contract_that_the_bars_equal_is_named():
    bars, context = make_market()
    first = find_break(bars) + 200
    faulty = shift_prices(bars, slice(first, first + 60), 50 * POINT)
    other = shift_prices(bars, slice(0, len(bars)), 50 * POINT)
    related = replace(context, read_related=lambda start, end: [("NQU2021", other.slice(start, end))])
    (found,) = judge_all([find_wrong_contract], faulty, related)
    assert found.text.endswith("above the market, those of NQU2021.")


def test_a_roll_to_another_contract_is_legal():
    bars, context = make_market()
    roll = find_break(bars) + 200
    rolled = shift_prices(bars, slice(roll, len(bars)), 70 * POINT)
    rolled = change(rolled, slice(roll, len(bars)), instrument=2)
    assert judge_all([find_scale, find_wrong_contract, find_spike, find_jump], rolled, context) == []


def test_a_jump_that_does_not_come_back_is_found():
    bars, context = make_market()
    at = find_break(bars) + 200
    faulty = shift_prices(bars, slice(at, len(bars)), 140 * POINT)
    (found,) = judge_all([find_scale, find_wrong_contract, find_spike, find_jump], faulty, context)
    assert (found.kind, found.start_ns) == ("jump", int(bars.ts[at]))


def test_a_wick_with_many_trades_is_no_spike():
    """A release, or a stop: the price goes far and comes back within the minute, with fifty times the volume."""
    bars, context = make_market()
    at = find_break(bars) + 300
    usual = int(np.median((bars.high - bars.low)[at - 30 : at + 30]))
    low = int(bars.low[at]) - 12 * usual
    quiet = change(bars, slice(at, at + 1), low=low)
    busy = change(
        quiet, slice(at, at + 1), volume=lambda old: old * 0 + 50 * int(np.median(bars.volume[at - 30 : at + 30]))
    )
    assert list_kinds(judge_all([find_spike], quiet, context), bars, at, at + 1) == {"spike"}
    assert judge_all([find_spike], busy, context) == []


def test_a_move_that_other_bars_share_is_no_spike():
    bars, context = make_market("stressed")
    assert judge_all([find_scale, find_wrong_contract, find_spike], bars, context) == []


def test_swapped_digits_need_less_than_other_spikes():
    bars, context = make_market()
    quiet = np.flatnonzero((bars.high - bars.low)[:5000] <= context.tick * 8)
    prices = bars.high[quiet] // 10**7
    swapped = (
        prices // 10_000 * 10_000 + prices % 1000 // 100 * 1000 + prices // 1000 % 10 * 100 + prices % 100
    ) * 10**7
    at, high = next((a, p) for a, p in zip(quiet, swapped, strict=True) if 21 * POINT <= p - bars.high[a] <= 40 * POINT)
    faulty = change(bars, slice(at, at + 1), high=high)
    assert list_kinds(judge_all([find_spike], faulty, context), bars, at, at + 1) == {"spike"}


@pytest.mark.parametrize(
    ("price", "low", "high", "expected"),
    [
        (7_213_25, 7_120_00, 7_125_00, True),  # 7123.25
        (7_123_52, 7_123_00, 7_123_30, True),
        (7_213_25, 7_300_00, 7_400_00, False),
        (-7_213_25, -7_125_00, -7_120_00, True),
        (0, -1_00, 1_00, False),
    ],
)
def test_swapped_digits(price, low, high, expected):
    assert is_swapped(price * 10**7, low * 1e7, high * 1e7) is expected


@pytest.mark.parametrize("market", ["front", "calendar spread", "around zero"])
def test_a_price_off_the_grid_is_found(market):
    bars, context = make_market(market)
    at = len(bars) // 2
    faulty = change(bars, slice(at, at + 1), close=lambda old: old + context.tick // 5)
    for tick in (context.tick, 0):
        (found,) = judge_all([find_off_tick], faulty, replace(context, tick=tick))
        assert (found.start_ns, found.value) == (int(bars.ts[at]), 1.0)


def test_a_finer_grid_than_the_known_one_is_no_fault():
    bars, context = make_market("calendar spread")
    assert judge_all([find_off_tick], bars, replace(context, tick=context.tick * 5)) == []
    assert find_grid(bars) == context.tick


@pytest.mark.parametrize("count", [0, 1, 2, 3, 10])
@pytest.mark.parametrize("has_calendar", [True, False])
def test_few_bars_are_judged(count, has_calendar):
    bars, context = make_market()
    context = replace(context, calendar=context.calendar if has_calendar else None, memory={})
    assert [found for detect in DETECTORS for found in detect(bars.select(slice(0, count)), context)] == []


def test_no_bars_are_judged():
    assert [found for detect in DETECTORS for found in detect(EMPTY, SeriesContext(judged=(0, MINUTE)))] == []


def test_a_higher_threshold_makes_fewer_findings():
    bars, context = make_market()
    faulty = bars
    for number, at in enumerate(range(500, 15_000, 700)):
        faulty = shift_prices(faulty, slice(at, at + 1), (8 + 8 * number) * POINT)
    counts = [
        len(judge_all([find_spike], faulty, replace(context, thresholds=context.thresholds.override({"spike": one}))))
        for one in (2.0, 3.5, 8.0, 20.0)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > counts[-1]
