"""Buckets within trading days, checked by counting minute by minute."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.testing.clocks import CHICAGO, CME, NEW_YORK, NYSE, calendars, find_day, format_clock, moments, utc
from marketdata.calendars.buckets import BUCKET_MINUTES, OpenMinutes, make_buckets
from marketdata.calendars.trading_days import find_trading_day, find_trading_days

MINUTE = timedelta(minutes=1)

lengths = st.sampled_from(BUCKET_MINUTES)


def list_edges_one_by_one(day, minutes):
    """The rule as it is written, one bucket at a time: the day's start, each multiple of the length, the day's end."""
    edges, length = [day.start], minutes * MINUTE
    while edges[-1] < day.end:
        edges.append(min(day.end, edges[-1] - (edges[-1] - day.open) % length + length))
    return edges


def list_edges(day, minutes):
    """The edges of the day's buckets as `make_buckets` makes them: one more than there are buckets."""
    found = make_buckets([day], minutes)
    assert found.starts.tolist()[1:] == found.ends.tolist()[:-1]
    return [datetime.fromtimestamp(edge, UTC) for edge in (*found.starts.tolist(), found.ends.tolist()[-1])]


def find_bucket(day, moment, minutes):
    """Start and end of the bucket that contains the moment."""
    ((start, end),) = ((start, end) for start, end in pairwise(list_edges(day, minutes)) if start <= moment < end)
    return start, end


def count_slowly(days, start, end):
    """How many minutes of [start, end) are within a span, one at a time."""
    minutes = (start + number * MINUTE for number in range((end - start) // MINUTE))
    return sum(any(opened <= minute < closed for day in days for opened, closed in day.spans) for minute in minutes)


@pytest.mark.parametrize(
    ("calendar", "day", "zone", "edges"),
    [
        (CME, "2025-07-15", CHICAGO, ["Mon 14 17:00", "Mon 14 21:00", "Tue 15 01:00", "Tue 15 05:00", "Tue 15 09:00"]),
        (NYSE, "2025-07-15", NEW_YORK, ["Tue 15 00:00", "Tue 15 01:30", "Tue 15 05:30", "Tue 15 09:30"]),
    ],
)
def test_buckets_count_from_the_open(calendar, day, zone, edges):
    found = list_edges(find_day(calendar, day), 240)
    assert [format_clock(edge, zone) for edge in found[: len(edges)]] == edges
    assert found[-1] == find_day(calendar, day).end


def test_the_last_bucket_ends_with_the_day_and_weekend_trades_have_buckets():
    day = find_day(CME, "2025-03-10")  # the clocks changed on Sunday morning
    start, end = find_bucket(day, utc("2025-03-10 16:59", CHICAGO), 240)
    assert (format_clock(start, CHICAGO), end) == ("Mon 10 13:00", day.end)
    start, _ = find_bucket(day, utc("2025-03-07 17:02", CHICAGO), 60)
    assert start == day.start
    start, _ = find_bucket(day, utc("2025-03-09 16:59", CHICAGO), 60)
    assert format_clock(start, CHICAGO) == "Sun 09 16:00"


@settings(deadline=None, max_examples=150)
@given(calendars, moments, lengths)
def test_each_bucket_of_a_day_begins_where_the_one_before_ends(calendar, moment, minutes):
    day = find_trading_day(calendar, moment)
    edges = list_edges(day, minutes)
    assert (edges[0], edges[-1]) == (day.start, day.end)
    assert day.open in edges
    widths = [after - before for before, after in pairwise(edges)]
    assert all(0 * MINUTE < width <= minutes * MINUTE for width in widths)
    assert all(width == minutes * MINUTE for width in widths[1:-1])


@settings(deadline=None, max_examples=60)
@given(calendars, moments, lengths)
def test_arrays_equal_single_buckets(calendar, moment, minutes):
    days = find_trading_days(calendar, moment, moment + timedelta(days=4))
    found = make_buckets(days, minutes)
    edges = [pair for day in days for pair in pairwise(list_edges_one_by_one(day, minutes))]
    assert found.starts.tolist() == [start.timestamp() for start, _ in edges]
    assert found.ends.tolist() == [end.timestamp() for _, end in edges]
    assert all(
        days[number].start <= start < days[number].end for number, (start, _) in zip(found.days, edges, strict=True)
    )
    assert found.expected.tolist() == [
        count_slowly(days[number : number + 1], start, end)
        for number, (start, end) in zip(found.days, edges, strict=True)
    ]
    assert found.expected.sum() == sum(day.expected for day in days)


@settings(deadline=None, max_examples=60)
@given(calendars, moments, st.integers(-3000, 3000), st.integers(0, 5000))
def test_open_minutes_equal_those_counted_one_by_one(calendar, moment, offset, length):
    days = find_trading_days(calendar, moment, moment + timedelta(days=3))
    start = moment + offset * MINUTE
    end = start + length * MINUTE
    arrays = np.array([int(start.timestamp())]), np.array([int(end.timestamp())])
    assert OpenMinutes(days).count_between(*arrays).tolist() == [count_slowly(days, start, end)]


@settings(deadline=None, max_examples=60)
@given(calendars, moments, st.lists(st.tuples(st.integers(-3000, 3000), st.integers(1, 3000)), max_size=4))
def test_clipped_minutes_equal_those_counted_one_by_one(calendar, moment, parts):
    days = find_trading_days(calendar, moment, moment + timedelta(days=3))
    chosen = sorted({minute for first, length in parts for minute in range(first, first + length)})
    breaks = [index for index, (one, other) in enumerate(pairwise(chosen), 1) if other > one + 1]
    ranges = [(some[0], some[-1] + 1) for some in np.split(np.array(chosen, int), breaks) if len(some)]
    times = [(moment + int(first) * MINUTE, moment + int(stop) * MINUTE) for first, stop in ranges]
    bounds = np.array([[time.timestamp() for time in pair] for pair in times], np.int64).reshape(-1, 2).T
    clipped = OpenMinutes(days).clip(*bounds)
    counts = [int((clipped.closed - clipped.opened)[clipped.days == number].sum()) // 60 for number in range(len(days))]
    assert counts == [sum(count_slowly([day], *pair) for pair in times) for day in days]


@pytest.mark.parametrize("first", ["2025-03-03", "2025-10-27"])
def test_weeks_with_a_change_of_clocks_have_as_many_minutes_as_others(first):
    """Counted by the time in Chicago alone, without the calendar."""
    start = utc(first + " 00:00", CHICAGO)
    days = find_trading_days(CME, start, start + timedelta(days=14))
    for week in (0, 7):
        begin, minutes = start + timedelta(days=week - 1), 0
        for number in range(7 * 1440):
            clock = (begin + number * MINUTE).astimezone(CHICAGO)
            evening, afternoon = clock.hour >= 17, clock.hour < 16
            minutes += (evening and clock.weekday() in (6, 0, 1, 2, 3)) or (afternoon and clock.weekday() < 5)
        assert count_slowly(days, begin, begin + timedelta(days=7)) == minutes == 5 * 23 * 60


def test_no_days_have_no_buckets():
    assert len(make_buckets([], 5).starts) == 0
    assert OpenMinutes([]).count_between(np.array([0]), np.array([60])).tolist() == [0]
