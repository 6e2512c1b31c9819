"""The time zone and the trading dates of a series."""

from datetime import UTC, date, datetime

import pytest

from marketdata.models import Series
from marketdata.pages.time_zones import find_time_zone, find_trading_date


@pytest.mark.parametrize(
    ("calendar", "dataset", "zone"),
    [
        ("CME Globex Equity", "", "America/Chicago"),
        ("", "GLBX.MDP3", "America/Chicago"),
        ("NYSE", "", "America/New_York"),
        ("", "XNAS.ITCH", "America/New_York"),
        ("XETR", "", "UTC"),
        ("", "", "UTC"),
    ],
)
def test_the_time_zone_follows_from_calendar_or_dataset(calendar, dataset, zone):
    assert find_time_zone(Series(calendar=calendar, dataset=dataset)) == zone


@pytest.mark.parametrize(("calendar", "day"), [("CME Globex Equity", 3), ("", 2), ("Mars", 2)])
def test_the_trading_date_follows_from_the_calendar_if_it_is_known(calendar, day):
    evening = datetime(2024, 1, 2, 23, 15, tzinfo=UTC)
    assert find_trading_date(Series(calendar=calendar), evening) == date(2024, 1, day)
