"""The activity profile: rates by minute of the day, levels by day."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketdata.quality.detectors.activity.levels import predict_levels
from marketdata.quality.detectors.activity.profile import MAX_RATE, fit_levels, fit_profile, fit_rates


def draw_bars(rates: np.ndarray, levels: np.ndarray, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Open minutes and bars of days with these levels."""
    shape = len(levels), len(rates)
    has_bar = np.random.default_rng(seed).random(shape) < -np.expm1(-np.outer(levels, rates))
    return np.ones(shape), has_bar.astype(float)


@pytest.mark.parametrize("busiest", [0.02, 0.3, 3.0])
def test_rates_and_levels_are_found_again(busiest):
    hours = np.repeat([0.2, 1.0, 0.4], 480)
    levels = np.exp(np.random.default_rng(2).normal(0, 0.4, 40))
    rates, found = fit_profile(*draw_bars(busiest * hours, levels))
    ratio = found / levels
    assert np.std(np.log(ratio)) < 0.25
    by_hour = rates.reshape(3, 480).mean(axis=1) * np.exp(np.mean(np.log(ratio)))
    assert by_hour == pytest.approx(busiest * np.array([0.2, 1.0, 0.4]), rel=0.25)


def test_a_rate_that_few_bars_show_is_drawn_towards_its_neighbours():
    minutes, bars = np.ones((40, 1440)), np.zeros((40, 1440))
    bars[::2, 600:660] = 1
    bars[:, 630] = 0  # one minute without any bar in a busy hour
    rates = fit_rates(minutes, bars, np.ones(40))
    assert 0 < rates[630] < rates[631]
    assert rates[630] > 10 * rates[100]


def test_minutes_that_always_have_a_bar_have_a_limited_rate():
    rates, levels = fit_profile(np.ones((40, 1440)), np.ones((40, 1440)))
    assert rates.max() <= MAX_RATE
    assert rates.min() > 4
    assert levels == pytest.approx(np.ones(40), rel=0.2)


@given(st.integers(0, 1440))
def test_more_bars_are_a_higher_level(count):
    bars = np.zeros((2, 1440))
    bars[0, :count] = bars[1, : max(count - 50, 0)] = 1
    first, second = fit_levels(np.ones((2, 1440)), bars, np.full(1440, 0.5))
    assert first >= second


def test_days_that_are_quieter_from_week_to_week_are_predicted():
    levels = np.exp(-np.arange(40) / 5)  # e-fold a week: an expiring contract
    centre, spread = predict_levels(levels, np.ones(40, bool))
    assert np.abs(centre[4:-4] - np.log(levels)[4:-4]).max() < 0.3
    assert spread < 0.6


def test_a_day_without_minutes_suggests_nothing():
    levels = np.ones(9)
    levels[4] = 1e-3
    centre, _ = predict_levels(levels, np.arange(9) != 4)
    assert centre == pytest.approx(np.zeros(9))
