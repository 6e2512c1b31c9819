"""The periods of candles, compared with those found minute by minute."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.testing.clocks import CME, NYSE, ZONES, calendars, moments, utc
from config.testing.reference.candles import count_open_slowly, find_period
from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import find_trading_days
from marketdata.candles.periods import TIMEFRAMES, find_periods


@settings(deadline=None, max_examples=60)
@given(calendars, moments, st.integers(1, 4000), st.sampled_from(TIMEFRAMES))
def test_each_period_begins_where_the_one_before_ends(calendar, start, minutes, timeframe):
    end = start + timedelta(minutes=minutes)
    periods = find_periods(calendar, timeframe, start, end)
    assert periods.starts[0] <= start.timestamp()
    assert periods.ends[-1] >= end.timestamp()
    assert periods.starts[1:].tolist() == periods.ends[:-1].tolist()
    assert all(before <= after for before, after in pairwise(periods.dates))


@settings(deadline=None, max_examples=60)
@given(calendars, moments, st.sampled_from(TIMEFRAMES))
def test_a_period_is_the_one_found_by_itself(calendar, moment, timeframe):
    periods = find_periods(calendar, timeframe, moment, moment + timedelta(minutes=1))
    index = sum(start <= moment.timestamp() for start in periods.starts.tolist()) - 1
    period = find_period(moment, calendar, timeframe)
    expected = count_open_slowly(find_trading_days(calendar, period.start, period.end), period.start, period.end)
    times = [period.label.timestamp(), period.start.timestamp(), period.end.timestamp()]
    assert [periods.labels[index], periods.starts[index], periods.ends[index]] == times
    assert (periods.dates[index], periods.expected[index]) == (period.date, expected)


def test_a_slice_has_the_same_periods():
    periods = find_periods(CME, "1h", utc("2025-07-14 12:00"), utc("2025-07-18 12:00"))
    part = periods[3:5]
    assert (len(part), part.starts.tolist(), list(part.dates)) == (
        2,
        periods.starts[3:5].tolist(),
        [*periods.dates[3:5]],
    )


@pytest.mark.parametrize(
    ("calendar", "timeframe", "hours", "moment", "close"),
    [
        (CME, "1d", Hours.ALL, "2026-01-19 09:00", "2026-01-19 12:00"),  # Martin Luther King Day
        (CME, "4h", Hours.ALL, "2026-01-19 11:00", "2026-01-19 12:00"),
        (CME, "1d", Hours.ALL, "2026-01-20 09:00", "2026-01-20 16:00"),
        (CME, "1w", Hours.ALL, "2024-11-27 09:00", "2024-11-29 12:15"),  # the week of Thanksgiving
        (NYSE, "1d", Hours.ALL, "2024-11-29 10:00", "2024-11-29 17:00"),
        (NYSE, "1d", Hours.REGULAR, "2024-11-29 10:00", "2024-11-29 13:00"),
        (NYSE, "1d", Hours.ALL, "2024-12-02 10:00", "2024-12-02 20:00"),
        ("", "1d", Hours.ALL, "2024-12-02 10:00", "2024-12-03 00:00"),
    ],
)
def test_a_period_closes_with_its_exchange(calendar, timeframe, hours, moment, close):
    """From then on its candle is not forming."""
    at = utc(moment, ZONES[calendar])
    periods = find_periods(calendar, timeframe, at, at + timedelta(minutes=1), hours)
    index = sum(start <= at.timestamp() for start in periods.starts.tolist()) - 1
    assert periods.closes[index] == utc(close, ZONES[calendar]).timestamp()
