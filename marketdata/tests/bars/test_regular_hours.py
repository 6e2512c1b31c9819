"""The edges of regular hours, compared with the trading day of each minute."""

from bisect import bisect_right
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.testing.clocks import CME, NYSE, calendars, moments, utc
from config.testing.reference.candles import MINUTE, is_regular_minute
from marketdata.bars.regular_hours import list_regular_edges


def read_edges(calendar, start, end):
    text = list_regular_edges(calendar, start, end)
    assert (text[0], text[-1]) == ("{", "}")
    return [int(edge) for edge in text[1:-1].split(",") if edge]


@settings(deadline=None, max_examples=60)
@given(calendars, moments, st.integers(0, 4000))
def test_a_minute_is_regular_after_an_odd_number_of_edges(calendar, start, minutes):
    edges = read_edges(calendar, start, start + minutes * MINUTE)
    assert edges == sorted(edges)
    for minute in range(0, minutes + 1, 13):
        moment = start + minute * MINUTE
        is_odd = bisect_right(edges, moment.timestamp()) % 2 == 1
        assert is_odd == is_regular_minute(moment, calendar), moment


@pytest.mark.parametrize("calendar", [CME, NYSE, "JPX", ""])
@pytest.mark.parametrize("year", [2012, 2024])
def test_each_edge_at_the_end_of_a_year_occurs_once(calendar, year):
    """CME's day of 2 January begins in December; a day without a calendar begins where the one before ends."""
    start = utc(f"{year}-12-28")
    edges = read_edges(calendar, start, start + timedelta(days=9))
    assert edges == sorted(edges)
    for moment in (start + minute * MINUTE for minute in range(0, 9 * 1440, 10)):
        is_odd = bisect_right(edges, moment.timestamp()) % 2 == 1
        assert is_odd == is_regular_minute(moment, calendar), moment
