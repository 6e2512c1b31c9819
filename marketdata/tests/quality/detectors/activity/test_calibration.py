"""How often gaps occur by chance: the tail of the surprises, and families of gaps."""

from __future__ import annotations

import numpy as np
import pytest

from marketdata.quality.detectors.activity.calibration import Tail, fit_tail
from marketdata.quality.detectors.activity.families import AT_EDGE, BUSY, OTHER, count_beyond, find_families
from marketdata.quality.detectors.activity.timeline import Timeline, find_gaps
from marketdata.quality.detectors.model import MINUTE


@pytest.mark.parametrize("length", [1.0, 1.5, 3.0])
@pytest.mark.parametrize("seed", range(3))
def test_the_tail_shows_how_often_large_surprises_occur(length, seed):
    rng = np.random.default_rng(seed)
    tail = fit_tail(rng.exponential(length, 4000), 2.0, filled=0.4)
    found = float(tail.count_by_chance(np.array([8 * length]), tail.per_month)[0])
    expected = 2000 * np.exp(-8)  # per month beyond 8 lengths
    assert expected / 3 < found < 3 * expected


def test_lost_bars_do_not_make_the_tail_longer():
    """A series that trades in nearly each minute has few gaps, and lost bars can be most of the larger ones."""
    usual = 4 + np.random.default_rng(1).exponential(1, 40)
    clean, faulty = (fit_tail(each, 2.0, filled=0.99) for each in (usual, np.append(usual, [20.0] * 10)))
    assert faulty.length < 1.5 * clean.length
    assert float(faulty.count_by_chance(np.array([20.0]), faulty.per_month)[0]) < 0.01


def test_without_gaps_there_is_a_tail():
    tail = fit_tail(np.empty(0), 1.0, filled=1.0)
    assert 0 < float(tail.count_by_chance(np.array([30.0]), tail.per_month)[0]) < 1e-6
    assert float(tail.count_by_chance(np.array([1e9]), tail.per_month)[0]) > 0


def test_gaps_at_a_close_or_open_and_in_busy_hours_are_families():
    minutes = np.array([0, 1, 2, 3, 4, 5, 6, 60, 61, 62, 63])
    has_bar = np.array([0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1], bool)
    timeline = Timeline(minutes * MINUTE, has_bar, minutes * 0, minutes, minutes * 0)
    gaps = find_gaps(timeline)  # 0 | 2 | 4 | 6 and 60, around the close | 62
    families = find_families(timeline, gaps, np.array([9.0, 0.5, 3.0, 9.0, 0.1]))
    assert families.tolist() == [AT_EDGE, OTHER, BUSY, AT_EDGE, OTHER]


def test_each_family_has_its_own_number_of_large_surprises():
    families = np.array([OTHER] * 30 + [BUSY])
    surprise = np.array([3.0] * 30 + [0.1])
    counts = count_beyond(Tail(2.0, 1.0, 15.0), surprise, families, np.ones(31, bool), 2.0)
    assert counts[[0, 30]].tolist() == [15.5, 0.5]
