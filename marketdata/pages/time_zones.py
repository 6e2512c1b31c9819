"""The exchange's time zone, which charts offer beside UTC, and the trading date of a time."""

from __future__ import annotations

from datetime import UTC, date, datetime

from marketdata.calendars.exchange import UnknownCalendar
from marketdata.calendars.trading_days import find_trading_day
from marketdata.models import Series

CHICAGO, NEW_YORK = "America/Chicago", "America/New_York"

# Prefixes of pandas_market_calendars' names ("CME Globex Equity", "XNYS") and of Databento's datasets ("GLBX.MDP3").
_ZONES = {
    CHICAGO: ("CME", "CBOT", "CBOE", "CFE", "GLBX", "XCBF"),
    NEW_YORK: ("NYSE", "NASDAQ", "XNYS", "XNAS", "NYMEX", "COMEX", "BATS", "ARCX", "DBEQ", "EQUS", "OPRA", "IFUS"),
}


def find_time_zone(series: Series) -> str:
    """The IANA name of the exchange's time zone, from calendar or dataset; UTC if both are unknown."""
    for name in (series.calendar, series.dataset):
        for zone, prefixes in _ZONES.items():
            if name.upper().startswith(prefixes):
                return zone
    return "UTC"


def find_trading_date(series: Series, moment: datetime) -> date:
    """The date of the trading day that contains `moment`.

    The UTC date if the calendar is unknown: the page must open even so.
    """
    try:
        return find_trading_day(series.calendar, moment).date
    except UnknownCalendar:
        return moment.astimezone(UTC).date()
