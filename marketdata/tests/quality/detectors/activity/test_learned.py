"""Hours learned from bars, for a series without a calendar."""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.activity.learned import is_always_open, learn_week
from marketdata.quality.detectors.model import DAY, HOUR, MINUTE
from marketdata.tests.quality.detectors.generated import to_ns

MONDAY = to_ns("2021-03-01")


def test_the_hours_of_a_series_that_trades_on_weekdays():
    minutes = np.arange(MONDAY, MONDAY + 8 * 7 * DAY, MINUTE)
    ts = minutes[((minutes - MONDAY) // DAY % 7 < 5) & (minutes % DAY // HOUR >= 8) & (minutes % DAY // HOUR < 17)]
    week = learn_week(ts)
    assert week is not None
    sessions = week.make_sessions(int(ts[0]), int(ts[-1]) + MINUTE)
    assert not is_always_open(sessions)
    assert len(sessions.opened) == 8 * 5
    # The first and the last hour are left out: daylight saving moves them.
    assert sessions.opened[0] == MONDAY + 9 * HOUR
    assert sessions.closed[0] == MONDAY + 16 * HOUR
    assert sessions.find_day(sessions.opened).tolist() == sessions.opened_day.tolist()


def test_a_series_that_always_trades_is_always_open():
    end = MONDAY + 8 * 7 * DAY
    week = learn_week(np.arange(MONDAY, end, MINUTE))
    assert week is not None
    assert is_always_open(week.make_sessions(MONDAY, end))


def test_few_weeks_or_few_bars_show_no_hours():
    assert learn_week(np.empty(0, np.int64)) is None
    assert learn_week(np.arange(MONDAY, MONDAY + 20 * DAY, MINUTE)) is None
    assert learn_week(np.arange(MONDAY, MONDAY + 100 * DAY, 5 * DAY)) is None
