"""The minutes in which a series may have bars, and the gaps among them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from marketdata.quality.detectors.activity.timeline import Timeline, find_gaps, make_timeline, sum_gaps
from marketdata.quality.detectors.model import HOUR, MINUTE, SeriesContext
from marketdata.quality.detectors.sessions import read_sessions
from marketdata.tests.quality.detectors.generated import CALENDAR, to_ns

FRIDAY, MONDAY = to_ns("2021-03-05T00:00"), to_ns("2021-03-08T12:00")
SESSIONS = read_sessions(CALENDAR, FRIDAY, MONDAY)
CONTEXT = SeriesContext(judged=(FRIDAY, MONDAY), calendar=SESSIONS)
NONE = np.empty(0, np.int64)


def list_minutes(**known: object) -> list[int]:
    timeline = make_timeline(NONE, SESSIONS, replace(CONTEXT, **known), FRIDAY, MONDAY)
    return timeline.ts.tolist()


def test_closed_minutes_are_not_expected():
    assert list_minutes() == SESSIONS.list_open_minutes(FRIDAY, MONDAY).tolist()


def test_minutes_outside_of_the_life_are_not_expected():
    life = [(FRIDAY + HOUR, FRIDAY + 2 * HOUR), (FRIDAY + 3 * HOUR, FRIDAY + 4 * HOUR)]
    assert len(list_minutes(life=life)) == 120


def test_minutes_with_a_known_cause_and_minutes_that_are_not_over_are_not_expected():
    cause = [(FRIDAY + HOUR, FRIDAY + 2 * HOUR)]
    assert len(list_minutes()) - len(list_minutes(known_empty=cause)) == 60
    assert max(list_minutes(now_ns=FRIDAY + HOUR + 30)) == FRIDAY + HOUR - MINUTE


def test_a_weekend_does_not_divide_a_life_but_a_pause_does():
    close, opening = to_ns("2021-03-05T22:00"), to_ns("2021-03-07T23:00")
    for end, start, is_one in ((close, opening, True), (close - HOUR, opening, False)):
        context = replace(CONTEXT, life=[(FRIDAY, end), (start, MONDAY)])
        timeline = make_timeline(NONE, SESSIONS, context, FRIDAY, MONDAY)
        assert (len(set(timeline.part.tolist())) == 1) is is_one
        assert len(find_gaps(timeline)) == (1 if is_one else 2)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 1)), max_size=40))
def test_gaps_equal_those_of_a_loop(minutes):
    has_bar = [flag for flag, _ in minutes]
    part = np.cumsum([step for _, step in minutes]).astype(np.int64)
    at = np.arange(len(minutes))
    gaps = find_gaps(Timeline(at * MINUTE, np.array(has_bar, bool), at * 0, at, part))
    slow: list[list[int]] = []
    for index, flag in enumerate(has_bar):
        if flag:
            continue
        if slow and slow[-1][-1] == index - 1 and part[index] == part[index - 1]:
            slow[-1].append(index)
        else:
            slow.append([index])
    assert [(one[0], one[-1] + 1) for one in slow] == list(zip(gaps.start.tolist(), gaps.end.tolist(), strict=True))
    assert sum_gaps(np.ones(len(minutes)), gaps).tolist() == [len(one) for one in slow]
