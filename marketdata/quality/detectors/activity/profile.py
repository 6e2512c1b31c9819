"""The activity profile: how often a minute of the day has a bar, over about 40 trading days.

Trades arrive at a rate, so a minute has a bar with the probability 1 - exp(-level x rate). The rate belongs to the
minute of the day, the level to the day: a quiet day has fewer bars in all of its minutes. Rates and levels are found in
turns. A rate that few bars show is drawn towards those of its quarter of an hour, its hour and the whole day.
"""

from __future__ import annotations

import numpy as np

# Lengths of the blocks that a minute is drawn towards, from the whole day down to the minute itself.
_BLOCKS = (1440, 240, 60, 15, 5, 1)
# How much the block around counts: as so many days of the usual level. Of few days, each lost bar would lower the rate
# of its minute too much.
_PARENT_DAYS = 4.0
# exp(-7): one minute in 1,100 of the busiest time has no bar. 40 days cannot show a higher rate.
MAX_RATE = 7.0
MIN_RATE = 1e-7
_ROUNDS, _MORE_ROUNDS = 4, 2
_NEWTON_STEPS = 20
_PRECISION = 1e-3
_LEVEL_STEP = 0.1
# Levels are compared on this grid: from 1/1,100 to 55 times the usual activity.
LEVELS = np.exp(np.arange(-7.0, 4.01, 0.5))


def fit_profile(
    minutes: np.ndarray, bars: np.ndarray, similar: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The rate of each minute of the day, and the level of each day.

    `minutes` and `bars` have a row for each day and a column for each minute of the day: how often that minute is
    expected, and has a bar. `similar` has rates that are known to be similar.
    """
    rates = np.full(minutes.shape[1], _find_overall_rate(minutes, bars)) if similar is None else similar
    levels = np.ones(len(minutes))
    for _ in range(_ROUNDS if similar is None else _MORE_ROUNDS):
        levels = fit_levels(minutes, bars, rates)
        levels = levels / np.exp(np.average(np.log(levels), weights=minutes.sum(axis=1) + 1e-9))
        rates = fit_rates(minutes, bars, levels)
    return rates, levels


def fit_levels(minutes: np.ndarray, bars: np.ndarray, rates: np.ndarray) -> np.ndarray:
    """The level of each day, at which as many bars are expected as it has; 1 counts as one more minute with a bar."""
    expected = -np.expm1(-np.outer(LEVELS, rates))  # by level and minute of the day
    by_level = minutes @ expected.T - np.expm1(-LEVELS)
    found = bars.sum(axis=1) - np.expm1(-1.0)
    logs = np.log(LEVELS)
    solved = [np.interp(count, row, logs) for count, row in zip(found, by_level, strict=True)]
    return np.exp(np.array(solved, np.float64))


def fit_rates(minutes: np.ndarray, bars: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """The rate of each minute of the day, given the level of each day. Days of about the same level are added."""
    steps, inverse = np.unique(np.rint(np.log(levels) / _LEVEL_STEP), return_inverse=True)
    same = (inverse == np.arange(len(steps))[:, None]).astype(np.float64)
    minutes, bars, levels = same @ minutes, bars.sum(axis=0, keepdims=True), np.exp(steps * _LEVEL_STEP)
    parent = np.full(1, _find_overall_rate(minutes, bars))
    for length in _BLOCKS:
        exposure, found = (_sum_blocks(each, length) for each in (minutes, bars))
        parent = np.repeat(parent, exposure.shape[1] // len(parent))
        parent = _solve_rates(exposure, found.sum(axis=0), levels, parent, _PARENT_DAYS * length)
    return parent


def _sum_blocks(counts: np.ndarray, length: int) -> np.ndarray:
    blocks: np.ndarray = counts.reshape(len(counts), -1, length).sum(axis=2)
    return blocks


def _solve_rates(
    exposure: np.ndarray, found: np.ndarray, levels: np.ndarray, parent: np.ndarray, weight: float
) -> np.ndarray:
    """Solve sum(exposure x (1 - exp(-level x rate))) = found by Newton's method, with the parent as `weight` minutes.

    The left side is concave in the rate: after the first step, each one comes closer and none goes beyond the solution.
    """
    target = found - weight * np.expm1(-parent)
    rates = parent
    # The parent is more minutes of days of the level 1.
    exposure = np.vstack([exposure, np.full(len(target), weight)])
    levels = np.append(levels, 1.0)
    weighted, total = levels[:, None] * exposure, exposure.sum(axis=0)
    for _ in range(_NEWTON_STEPS):
        empty = np.exp(-np.outer(levels, rates))
        missing = target - total + np.einsum("ij,ij->j", exposure, empty)
        step = missing / np.maximum(np.einsum("ij,ij->j", weighted, empty), 1e-12)
        stepped = np.clip(rates + step, 0.0, MAX_RATE)
        is_done = np.abs(stepped - rates).max(initial=0.0) < _PRECISION
        rates = stepped
        if is_done:
            break
    solved: np.ndarray = np.clip(rates, MIN_RATE, MAX_RATE)
    return solved


def _find_overall_rate(minutes: np.ndarray, bars: np.ndarray) -> float:
    share = (bars.sum() + 0.5) / (minutes.sum() + 1.0)
    return float(min(-np.log1p(-share), MAX_RATE))
