"""Bars while the exchange is closed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from marketdata.quality.detectors.model import DAY, MINUTE, NO_BARS, Detected, SeriesContext
from marketdata.quality.detectors.outside_session import find_outside_session
from marketdata.quality.detectors.sessions import read_sessions
from marketdata.quality.detectors.thresholds import Thresholds
from marketdata.tests.quality.detectors.generated import Market, make_bars, to_ns

MARKET = Market("2021-04-26", "2021-08-01")
OPEN = MARKET.sessions.list_open_minutes(*MARKET.span)
SATURDAY = to_ns("2021-05-08T10:00")


def check(*added: int, ts: np.ndarray = OPEN, **known: object) -> list[Detected]:
    ts = np.unique(np.append(ts, np.array(added, np.int64)))
    return find_outside_session(make_bars(ts), replace(MARKET.make_context(ts), **known))


def test_bars_while_open_are_no_findings():
    assert check() == []


def test_the_bars_of_a_closed_time_are_one_finding():
    found = check(SATURDAY, SATURDAY + MINUTE, SATURDAY + DAY, to_ns("2021-05-11T21:30"))
    assert [(one.start_ns, one.end_ns, one.value) for one in found] == [
        (SATURDAY, SATURDAY + DAY + MINUTE, 3),
        (to_ns("2021-05-11T21:30"), to_ns("2021-05-11T21:31"), 1),
    ]
    assert found[0].text == "3 bars while the exchange is closed."
    assert [bar["ts"] for bar in found[0].evidence] == [SATURDAY, SATURDAY + MINUTE, SATURDAY + DAY]
    assert {one.severity for one in found} == {"warning"}


def test_bars_stamped_in_the_minute_of_a_close_are_one_finding_per_quarter():
    closes = [to_ns(f"2021-{day}T21:00") for day in ("05-03", "05-07", "06-22", "07-06")]
    before_open = to_ns("2021-05-09T21:59")
    found = check(*closes, before_open)
    assert [(one.start_ns, one.end_ns, one.value, one.severity) for one in found] == [
        (closes[0], closes[2] + MINUTE, 4, "info"),
        (closes[3], closes[3] + MINUTE, 1, "info"),
    ]
    assert found[0].group == found[1].group is not None


def test_windows_divide_the_quarter_and_leave_no_bar_out():
    closes = [to_ns(f"2021-{day}T21:00") for day in ("05-03", "05-07", "06-22", "06-23")]
    first, second = (
        check(*closes, judged=judged)
        for judged in ((MARKET.span[0], to_ns("2021-06-01")), (to_ns("2021-06-01"), MARKET.span[1]))
    )
    assert [(one.start_ns, one.value) for one in first + second] == [(closes[0], 2), (closes[2], 2)]


def test_a_bar_at_a_close_with_others_in_that_closed_time_is_one_of_them():
    close = to_ns("2021-05-07T21:00")
    (found,) = check(close, SATURDAY)
    assert (found.start_ns, found.value, found.group) == (close, 2, None)


def test_a_calendar_of_other_hours_is_one_finding_per_quarter():
    midnights = OPEN[OPEN % DAY == 0][1:]
    shifted = np.sort(np.append(OPEN, midnights - 150 * MINUTE))  # 21:30 UTC, in the daily break
    found = check(ts=shifted)
    assert [one.start_ns // DAY * DAY for one in found] == [to_ns("2021-04-26"), to_ns("2021-07-01")]
    assert "calendar" in found[0].text


def test_a_higher_threshold_leaves_out_single_bars():
    assert check(SATURDAY, thresholds=Thresholds(outside_session=2.0)) == []
    assert len(check(SATURDAY, SATURDAY + MINUTE, thresholds=Thresholds(outside_session=2.0))) == 1


def test_extended_hours_are_no_closed_times():
    start, end = to_ns("2021-05-03"), to_ns("2021-05-08")
    context = SeriesContext(judged=(start, end), calendar=read_sessions("NYSE", start, end))
    ts = np.array([to_ns("2021-05-04T12:00"), to_ns("2021-05-04T14:00"), to_ns("2021-05-05T03:00")])
    assert [one.start_ns for one in find_outside_session(make_bars(ts), context)] == [ts[2]]


@pytest.mark.parametrize("known", [{"calendar": None}, {}])
def test_without_calendar_or_bars_nothing_is_outside(known):
    assert check(SATURDAY, calendar=None) == []
    assert find_outside_session(NO_BARS, replace(MARKET.make_context(OPEN), **known)) == []
