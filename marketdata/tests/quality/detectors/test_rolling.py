"""The core statistics equal slow ones in plain Python."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.quality.detectors.model import MINUTE, Bars
from marketdata.quality.detectors.prices.rolling import STRIDE, WINDOW, roll_quantiles
from marketdata.quality.detectors.prices.scales import MAX_GAP_FACTOR, MIN_SHARE, MIN_TICKS, measure_scales
from marketdata.tests.quality.detectors.markets import make_market


def roll_slowly(values: list[float], share: float) -> list[float]:
    """Sort the window of each value."""
    found = []
    for at in range(len(values)):
        center = at // STRIDE * STRIDE + STRIDE // 2
        start = min(max(center - WINDOW // 2, 0), max(len(values) - WINDOW, 0))
        window = sorted(values[start : start + WINDOW])
        found.append(window[int(share * (len(window) - 1))])
    return found


@given(st.lists(st.integers(0, 1000), max_size=300), st.sampled_from([0.0, 0.5, 0.9, 1.0]))
def test_quantiles_equal_slow_ones(values, share):
    (found,) = roll_quantiles(np.array(values, np.float64), (share,))
    assert found.tolist() == roll_slowly(values, share)


@pytest.mark.parametrize("market", ["front", "back month"])
def test_moves_equal_slow_ones(market):
    bars, context = make_market(market, 3)
    scales = measure_scales(bars, context.tick)
    moves = [float(bars.high[0] - bars.low[0])]
    for at in range(1, len(bars)):
        before = float(bars.close[at - 1])
        moves.append(max(float(bars.high[at]), before) - min(float(bars.low[at]), before))
    usual = np.maximum(roll_slowly(moves, 0.5), np.array(roll_slowly(moves, 0.9)) / 2)
    floor = max(MIN_SHARE * float(np.median(usual)), MIN_TICKS * context.tick)
    assert scales.move.tolist() == np.maximum(usual, floor).tolist()


def test_a_minority_of_faults_does_not_change_the_scale():
    bars, context = make_market()
    values = {name: getattr(bars, name).copy() for name in ("ts", "open", "low", "close", "volume", "instrument")}
    high = bars.high.copy()
    high[::50] *= 100
    faulty = Bars(high=high, **values)
    ratio = measure_scales(faulty, context.tick).move / measure_scales(bars, context.tick).move
    assert ratio.max() <= 2


def test_a_gap_widens_the_scale_of_its_step_only():
    bars, context = make_market()
    scales = measure_scales(bars, context.tick)
    after = np.flatnonzero(np.diff(bars.ts) > 30 * MINUTE) + 1
    assert (scales.jump[after] >= scales.jump[after - 1]).all()
    assert (scales.jump <= scales.move * MAX_GAP_FACTOR * 2).all()
