"""The time zone and the trading dates of a series."""

from datetime import UTC, date, datetime

import pytest
from pandas_market_calendars import get_calendar, get_calendar_names

from marketdata.calendars.exchange import is_known_calendar
from marketdata.models import Series
from marketdata.pages.time_zones import find_trading_date
from marketdata.series_calendars import find_time_zone


@pytest.mark.parametrize(
    ("calendar", "dataset", "zone"),
    [
        ("CME Globex Equity", "", "America/Chicago"),
        ("", "GLBX.MDP3", "America/Chicago"),
        ("NYSE", "", "America/New_York"),
        ("", "XNAS.ITCH", "America/New_York"),
        ("", "IFEU.IMPACT", "Europe/London"),
        ("", "XEUR.EOBI", "Europe/Berlin"),
        ("XETR", "", "Europe/Berlin"),
        ("NSE", "", "Asia/Calcutta"),
        ("NYMEX_Agriculture", "", "America/Chicago"),
        ("24/7", "GLBX.MDP3", "UTC"),  # the calendar's own zone
        ("Mars", "GLBX.MDP3", "America/Chicago"),
        ("Mars", "", "UTC"),
        ("", "NYSEUM.ITCH", "UTC"),
        ("", "", "UTC"),
    ],
)
def test_the_time_zone_follows_from_calendar_or_dataset(calendar, dataset, zone):
    assert find_time_zone(Series(calendar=calendar, dataset=dataset)) == zone


@pytest.mark.filterwarnings("ignore:.*are discontinued:UserWarning")
def test_each_calendar_gives_its_own_time_zone():
    names = [name for name in get_calendar_names() if is_known_calendar(name)]
    zones = {name: find_time_zone(Series(calendar=name, dataset="GLBX.MDP3")) for name in names}
    assert zones == {name: str(get_calendar(name).tz) for name in names}
    assert len(set(zones.values())) > 50


@pytest.mark.parametrize(("calendar", "day"), [("CME Globex Equity", 3), ("", 2), ("Mars", 2)])
def test_the_trading_date_follows_from_the_calendar_if_it_is_known(calendar, day):
    evening = datetime(2024, 1, 2, 23, 15, tzinfo=UTC)
    assert find_trading_date(Series(calendar=calendar), evening) == date(2024, 1, day)
