"""Missing bars in generated series: what is found, and what is no fault."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from marketdata.quality.detectors.missing import find_missing
from marketdata.quality.detectors.model import DAY, MINUTE, NO_BARS, Span
from marketdata.quality.detectors.sessions import read_sessions
from marketdata.quality.detectors.thresholds import Thresholds
from marketdata.tests.quality.detectors.generated import CALENDAR, Market, covers, make_bars, remove, to_ns

FRONT, OVERNIGHT_EMPTY, BACK = 40.0, 4.0, 0.3  # trades per minute in the busiest hour


@pytest.fixture(scope="module")
def market() -> Market:
    return Market("2021-02-22", "2021-04-19")


def span(start: str, minutes: int) -> Span:
    return to_ns(start), to_ns(start) + minutes * MINUTE


# Wednesday 7 April 2021: Chicago is 5 hours after UTC. The session is 6 April 22:00 to 7 April 21:00.
LOST = {
    "an hour of the night": span("2021-04-07T07:00", 60),
    "an hour of the day": span("2021-04-07T15:00", 60),
    "five minutes of the day": span("2021-04-07T15:20", 5),
    "the last ten minutes": span("2021-04-07T20:50", 10),
    "the first half hour": span("2021-04-06T22:00", 30),
    "a session": span("2021-04-06T22:00", 23 * 60),
    "a UTC day": span("2021-04-07T00:00", 24 * 60),
}


@pytest.mark.parametrize("name", LOST)
def test_lost_bars_of_a_front_series_are_found(market, name):
    ts = remove(market.generate(FRONT), LOST[name])
    found = find_missing(make_bars(ts), market.make_context(ts))
    first, last = (ts[np.searchsorted(ts, edge) - back] for edge, back in zip(LOST[name], (1, 0), strict=True))
    assert covers(found, (max(int(first) + MINUTE, LOST[name][0]), min(int(last), LOST[name][1])))
    assert len(found) == 1
    assert found[0].kind == "missing"
    assert found[0].value >= found[0].threshold


def test_an_hour_of_a_series_with_empty_nights_is_found_by_day(market):
    lost = span("2021-04-07T15:00", 60)
    ts = remove(market.generate(OVERNIGHT_EMPTY), lost)
    assert covers(find_missing(make_bars(ts), market.make_context(ts)), lost)


def list_busy_minutes(ts: np.ndarray) -> list[int]:
    """One minute of each day with a bar in nearly each of the 30 minutes before and after its next five."""
    starts = ts[(ts // MINUTE % 1440 >= 15 * 60) & (ts // MINUTE % 1440 < 18 * 60)]
    counts = np.searchsorted(ts, starts + 35 * MINUTE) - np.searchsorted(ts, starts - 30 * MINUTE)
    busy = starts[counts >= 63]
    _, first = np.unique(busy // DAY, return_index=True)
    return [int(each) for each in busy[first]]


def test_five_minutes_between_busy_ones_are_found_in_a_series_that_is_not_busy(market):
    results = []
    for seed in (4, 5):
        ts = market.generate(3.0, seed=seed)
        for start in list_busy_minutes(ts)[::2]:
            lost = start, start + 5 * MINUTE
            near = ts[(ts >= start - 40 * DAY) & (ts < start + 15 * DAY)]
            found = find_missing(make_bars(remove(near, lost)), market.make_context(near, judged=(start, start + DAY)))
            results.append(covers(found, lost))
    # Activity also changes within hours: some of these gaps are chance.
    assert len(results) >= 10
    assert np.mean(results) >= 0.5, results


def test_a_lost_week_is_one_finding(market):
    lost = to_ns("2021-04-04T22:00"), to_ns("2021-04-09T21:00")
    ts = remove(market.generate(FRONT), lost)
    found = find_missing(make_bars(ts), market.make_context(ts))
    assert covers(found, lost)
    assert len(found) == 1
    assert "6,825 open minutes" in found[0].text
    assert found[0].severity == "error"


@pytest.mark.parametrize("rate", [0.003, 0.03, BACK, OVERNIGHT_EMPTY, FRONT])
def test_quiet_minutes_nights_and_holidays_are_no_faults(market, rate):
    ts = market.generate(rate, seed=2)
    found = find_missing(make_bars(ts), market.make_context(ts))
    assert len(found) <= 1


def test_a_contract_that_becomes_the_front_and_expires_has_no_missing_bars(market):
    ts = market.generate(FRONT)
    day = (ts - market.span[0]) / DAY
    # Ten bars a day, then within two weeks the front, and back to nothing within one.
    share = np.minimum(np.exp(np.minimum((day - 20) / 2.5, 0)) + 0.003, np.exp(np.minimum((40 - day) / 1.5, 0)))
    ts = ts[np.random.default_rng(3).random(len(ts)) < share]
    assert find_missing(make_bars(ts), market.make_context(ts, kind="outright")) == []


def test_between_lives_outside_of_them_and_in_known_causes_nothing_is_missing(market):
    pause, cause = span("2021-03-03T00:00", 14 * 1440), span("2021-04-07T10:00", 300)
    ts = remove(market.generate(FRONT), pause, cause)
    life = [(market.span[0], pause[0]), (pause[1], market.span[1])]
    assert find_missing(make_bars(ts), market.make_context(ts, life=life, known_empty=[cause])) == []
    found = find_missing(make_bars(ts), market.make_context(ts))
    assert covers(found, (pause[0], pause[1]), slack=DAY)
    assert covers(found, cause)


@pytest.mark.parametrize("kind", ["continuous", "outright"])
def test_months_without_bars_after_a_window_are_one_finding_up_to_the_next_bar(market, kind):
    ts = market.generate(FRONT)
    last, next_bar = to_ns("2021-03-26"), to_ns("2022-12-14T09:00")
    window = make_bars(ts[ts < last])
    context = replace(
        market.make_context(ts, judged=(to_ns("2021-03-20"), to_ns("2021-04-09")), kind=kind),
        life=[(market.span[0], next_bar + MINUTE)],
        find_next_bar=lambda start: next_bar if start <= next_bar else None,
        read_calendar=partial(read_sessions, CALENDAR),
    )
    (found,) = find_missing(window, context)
    assert (found.start_ns, found.end_ns) == (last, next_bar)
    minutes = len(read_sessions(CALENDAR, last, next_bar).list_open_minutes(last, next_bar))
    assert f"No bar in {minutes:,} open minutes" in found.text

    assert find_missing(window, replace(context, find_next_bar=None)) == []  # nothing came: silence, not missing
    assert find_missing(window, replace(context, life=[(market.span[0], last)])) == []


def test_months_without_bars_end_with_the_life_and_leave_out_known_causes(market):
    ts = market.generate(FRONT)
    last, end, next_bar = to_ns("2021-03-26"), to_ns("2022-03-08T12:00"), to_ns("2022-12-14T09:00")
    cause = to_ns("2021-06-07T12:00"), to_ns("2021-06-07T13:00")
    context = replace(
        market.make_context(ts, judged=(to_ns("2021-03-20"), to_ns("2021-04-09"))),
        life=[(market.span[0], end), (to_ns("2022-10-03T09:00"), next_bar + MINUTE)],
        known_empty=[cause],
        find_next_bar=lambda start: next_bar,
        read_calendar=partial(read_sessions, CALENDAR),
    )
    (found,) = find_missing(make_bars(ts[ts < last]), context)
    assert (found.start_ns, found.end_ns) == (last, end)
    minutes = len(read_sessions(CALENDAR, last, end).list_open_minutes(last, end)) - 60
    assert f"No bar in {minutes:,} open minutes" in found.text


def test_months_without_bars_are_found_without_a_calendar(market):
    ts = market.generate(FRONT)
    last, next_bar = to_ns("2021-04-08T15:00"), to_ns("2022-12-14T15:00")
    context = replace(
        market.make_context(ts, calendar=None), life=[(market.span[0], next_bar)], find_next_bar=lambda start: next_bar
    )
    (found,) = find_missing(make_bars(ts[ts < last]), context)
    assert (found.start_ns, found.end_ns) == (last, next_bar)


def test_a_check_of_a_day_finds_what_a_check_of_all_finds(market):
    lost = LOST["an hour of the night"]
    ts = remove(market.generate(FRONT), lost, LOST["five minutes of the day"])
    context = market.make_context(ts)
    whole = find_missing(make_bars(ts), context)
    judged = lost[0] // DAY * DAY, lost[0] // DAY * DAY + DAY
    read = make_bars(ts[(ts >= judged[0] - 60 * DAY) & (ts < judged[1] + 10 * DAY)])
    day = find_missing(read, replace(context, judged=judged))
    assert [(one.start_ns, one.end_ns) for one in day] == [(one.start_ns, one.end_ns) for one in whole]
    assert len(day) == 2
    assert day[0].group == day[1].group


def test_a_higher_threshold_makes_fewer_findings(market):
    ts = remove(market.generate(FRONT), *LOST.values())
    counts = [
        len(find_missing(make_bars(ts), market.make_context(ts, thresholds=Thresholds(missing=threshold))))
        for threshold in (2.0, 100.0)
    ]
    assert counts[0] > counts[1]


def test_gaps_with_few_minutes_between_are_one_finding(market):
    lost = span("2021-04-07T15:00", 20), span("2021-04-07T15:22", 20)
    ts = remove(market.generate(4 * FRONT), *lost)
    found = find_missing(make_bars(ts), market.make_context(ts))
    assert covers(found, (lost[0][0], lost[1][1]))
    assert "40 open minutes" in found[0].text


def test_lost_minutes_are_found_after_the_clocks_changed():
    market = Market("2021-10-04", "2021-11-29")
    lost = span("2021-11-08T15:00", 5)  # 09:00 in Chicago; a week before, 10:00
    ts = remove(market.generate(4 * FRONT), lost)
    assert covers(find_missing(make_bars(ts), market.make_context(ts)), lost)


def test_without_a_calendar_hours_are_learned(market):
    lost = LOST["an hour of the day"]
    ts = remove(market.generate(FRONT), lost)
    found = find_missing(make_bars(ts), market.make_context(ts, calendar=None))
    assert covers(found, lost)
    assert len(found) == 1  # holidays and early closes are not judged


def test_two_weeks_are_found_in_a_series_whose_learned_hours_have_no_weekend(market):
    lost = to_ns("2021-03-16T12:00"), to_ns("2021-03-30T12:00")
    ts = remove(market.generate(FRONT), lost)
    found = find_missing(make_bars(ts), market.make_context(ts, calendar=None))
    assert covers(found, lost)


def test_no_bars_and_a_single_bar_have_no_findings(market):
    ts = market.generate(FRONT)
    assert find_missing(NO_BARS, market.make_context(ts)) == []
    assert find_missing(make_bars(ts[:1]), market.make_context(ts[:1])) == []


@pytest.mark.parametrize("calendar", ["CMEGlobex_Grains", "NYSE", "CMEGlobex_Energy"])
def test_other_hours(calendar):
    market = Market("2021-02-22", "2021-04-19", calendar)
    ts = market.generate(4 * FRONT)
    lost = span("2021-03-24T15:30", 60)
    assert find_missing(make_bars(ts), market.make_context(ts)) == []
    ts = remove(ts, lost)
    assert covers(find_missing(make_bars(ts), market.make_context(ts)), lost)
