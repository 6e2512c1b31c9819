"""Volumes that are zero, and those that neither the time of day nor the range explains."""

from __future__ import annotations

import numpy as np
import pytest

from marketdata.quality.detectors.model import MINUTE
from marketdata.quality.detectors.volume import find_volume_outlier, find_volume_zero
from marketdata.tests.quality.detectors.markets import change, judge_all, make_market


@pytest.mark.parametrize("count", [1, 3])
def test_bars_without_volume_are_one_finding(count):
    bars, context = make_market()
    faulty = change(bars, slice(1000, 1000 + count), volume=0)
    (found,) = judge_all([find_volume_zero], faulty, context)
    assert (found.start_ns, found.end_ns, found.value) == (
        int(bars.ts[1000]),
        int(bars.ts[999 + count]) + MINUTE,
        float(count),
    )


def test_a_feed_that_fills_minutes_is_one_finding():
    bars, context = make_market()
    assert len(judge_all([find_volume_zero], change(bars, np.arange(0, len(bars), 5), volume=0), context)) == 1


@pytest.mark.parametrize("market", ["front", "stressed", "near back month"])
def test_a_volume_a_million_times_too_large_is_found(market):
    bars, context = make_market(market)
    places = [0, len(bars) // 3, len(bars) // 2, len(bars) - 1]
    faulty = change(bars, np.array(places), volume=lambda old: old * 1_000_000)
    found = judge_all([find_volume_outlier], faulty, context)
    assert [one.start_ns for one in found] == bars.ts[places].tolist()


def test_most_volumes_a_hundred_times_too_large_are_found():
    bars, context = make_market()
    places = np.arange(500, len(bars) - 500, 333)
    found = judge_all([find_volume_outlier], change(bars, places, volume=lambda old: old * 100), context)
    assert len({one.start_ns for one in found} & set(bars.ts[places].tolist())) >= 0.9 * len(places)


@pytest.mark.parametrize("market", ["front", "stressed", "back month", "near back month", "limit locks"])
def test_bursts_at_opens_and_releases_are_usual(market):
    bars, context = make_market(market)
    assert judge_all([find_volume_outlier], bars, context) == []
