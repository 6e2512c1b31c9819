"""Silence: what should have come by now."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marketdata.quality.detectors.model import DAY, HOUR, MINUTE, NO_BARS, Detected, SeriesContext
from marketdata.quality.detectors.sessions import read_sessions
from marketdata.quality.detectors.silence import find_silence
from marketdata.quality.detectors.thresholds import Thresholds
from marketdata.tests.quality.detectors.generated import Market, make_bars, to_ns

LAST = to_ns("2021-04-07T15:00")  # Wednesday morning in Chicago
MARKET = Market("2021-02-08", "2021-05-01")
FRONT, BACK = MARKET.generate(40.0), MARKET.generate(0.05)


def check(ts: np.ndarray, last: int, now: int, **known: object) -> list[Detected]:
    """The findings at `now`, if nothing came after `last`."""
    bars = make_bars(ts[ts < last])
    judged = now - 30 * DAY, now
    context = SeriesContext(judged=judged, calendar=read_sessions("CME Globex Equity", now - 90 * DAY, now + 10 * DAY))
    return find_silence(bars, replace(context, **{"now_ns": now, "expected_until_ns": now, **known}))


def test_a_front_series_that_stops_is_silent():
    (found,) = check(FRONT, LAST, LAST + 30 * MINUTE)
    assert (found.kind, found.start_ns, found.end_ns) == ("silence", LAST, LAST + 30 * MINUTE)
    assert found.value == 30
    assert found.text.startswith("Nothing since 2021-04-07 14:59 UTC")
    assert [bar["ts"] for bar in found.evidence] == [LAST - MINUTE]


@pytest.mark.parametrize(
    ("ts", "last", "now"),
    [
        pytest.param(FRONT, LAST, LAST + 10 * MINUTE, id="within the grace"),
        pytest.param(FRONT, to_ns("2021-04-09T21:00"), to_ns("2021-04-11T21:00"), id="on a weekend"),
        pytest.param(FRONT, to_ns("2021-04-02T13:15"), to_ns("2021-04-04T21:00"), id="on a holiday"),
        pytest.param(BACK, LAST, LAST + 2 * HOUR, id="a back month"),
    ],
)
def test_no_bars_are_expected(ts, last, now):
    assert check(ts, last, now) == []


def test_a_back_month_that_is_quiet_for_days_is_silent():
    assert len(check(BACK, LAST, LAST + 5 * DAY)) == 1


def test_minutes_that_can_still_be_on_their_way_are_not_silent():
    now = LAST + 3 * HOUR
    assert check(FRONT, LAST, now, expected_until_ns=LAST + 5 * MINUTE) == []
    assert check(FRONT, LAST, now, expected_until_ns=0) == []


def test_the_life_of_a_silent_series_goes_on():
    assert len(check(FRONT, LAST, LAST + HOUR, life=[(int(FRONT[0]), LAST)])) == 1


def test_only_the_window_that_ends_now_is_judged():
    now = LAST + HOUR
    assert check(FRONT, LAST, now, judged=(now - 60 * DAY, now - 30 * DAY)) == []
    assert check(FRONT, LAST, now, judged=(LAST + 20 * MINUTE, now))[0].start_ns == LAST + 20 * MINUTE


def test_a_higher_threshold_is_a_longer_grace():
    assert check(FRONT, LAST, LAST + 30 * MINUTE, thresholds=Thresholds(silence=31.0)) == []


def test_without_calendar_or_bars_nothing_is_known():
    assert check(FRONT, LAST, LAST + HOUR, calendar=None) == []
    context = SeriesContext(judged=(0, LAST), calendar=MARKET.sessions, now_ns=LAST, expected_until_ns=LAST)
    assert find_silence(NO_BARS, context) == []
