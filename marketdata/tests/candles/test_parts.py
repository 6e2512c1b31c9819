"""The parts of periods, compared with their minutes one by one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from config.testing.clocks import calendars, moments
from config.testing.reference.candles import MINUTE, find_period, is_regular_minute
from marketdata.calendars.hours import Hours
from marketdata.candles.parts import Parts, find_parts, split_at_hours
from marketdata.candles.periods import TIMEFRAMES, find_periods


def list_minutes(parts: Parts) -> dict[int, int]:
    """The period of each minute of the parts."""
    return {
        minute: period
        for period, start, end in zip(parts.periods.tolist(), parts.starts.tolist(), parts.ends.tolist(), strict=True)
        for minute in range(start, end, 60)
    }


calendars = st.one_of(calendars, st.sampled_from(["BSE", "JPX"]))


@settings(deadline=None, max_examples=60)
@given(calendars, moments, st.integers(1, 3000), st.sampled_from(TIMEFRAMES), st.sampled_from(Hours))
def test_each_minute_that_counts_is_in_the_part_of_its_period(calendar, start, minutes, timeframe, hours):
    periods = find_periods(calendar, timeframe, start, start + minutes * MINUTE, hours)
    found = list_minutes(find_parts(periods))
    for moment in (start + number * MINUTE for number in range(0, minutes, 7)):
        index = found.get(int(moment.timestamp()))
        if hours is Hours.REGULAR and not is_regular_minute(moment, calendar):
            assert index is None
        else:
            assert periods.starts[index] == find_period(moment, calendar, timeframe).start.timestamp()


lengths = st.sampled_from([1, 5, 29, 30, 31, 59, 60, 61, 90, 120, 390, 1380])
many_parts = st.lists(st.tuples(st.one_of(st.just(0), st.integers(0, 100)), lengths), max_size=12)


def make_parts(chosen: list[tuple[int, int]]) -> Parts:
    """Parts of two to each period, each with the minutes before it and its length in minutes."""
    edges = np.cumsum(np.array(chosen, np.int64).reshape(-1)).reshape(-1, 2) * 60
    return Parts(np.arange(len(edges)) // 2, edges[:, 0], edges[:, 1])


@given(many_parts)
def test_whole_hours_and_the_rest_are_all_minutes(chosen):
    parts = make_parts(chosen)
    hours, rest = split_at_hours(parts)
    assert not (hours.starts % 3600).any() and not (hours.ends % 3600).any()
    assert (rest.ends - rest.starts < 7200).all() and (rest.ends > rest.starts).all()
    by_hours, by_minutes = list_minutes(hours), list_minutes(rest)
    assert not by_hours.keys() & by_minutes.keys()
    assert by_hours | by_minutes == list_minutes(parts)


@given(many_parts)
def test_ranges_are_those_of_the_parts(chosen):
    parts = make_parts(chosen)
    minutes = list_minutes(parts)
    starts, ends = parts.list_ranges()
    assert (starts[1:] > ends[:-1]).all()
    last = int(parts.ends[-1]) if chosen else 0
    for moment in range(0, last + 60, 60):
        assert any(start <= moment < end for start, end in zip(starts, ends, strict=True)) is (moment in minutes)
