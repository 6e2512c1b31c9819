"""Where a series trades, as far as its calendar or dataset says: the time zone that charts offer beside UTC, and the
trading date of a moment."""

from __future__ import annotations

from datetime import UTC, date, datetime

from marketdata.calendars.exchange import UnknownCalendar
from marketdata.calendars.trading_days import find_trading_day
from marketdata.models import Series

CHICAGO, NEW_YORK = "America/Chicago", "America/New_York"

# The first words of calendar names ("CME Globex Equity", "XNYS") and the first parts of Databento's datasets.
_ZONES = {
    CHICAGO: ("CME", "CBOT", "CBOE", "CFE", "GLBX", "XCBF"),
    NEW_YORK: ("NYSE", "NASDAQ", "XNYS", "XNAS", "NYMEX", "COMEX", "BATS", "ARCX", "DBEQ", "EQUS", "OPRA", "IFUS"),
}


def find_time_zone(series: Series) -> str:
    """The IANA name of the exchange's time zone; UTC if nothing says."""
    for name in (series.calendar, series.dataset):
        for zone, prefixes in _ZONES.items():
            if name.upper().startswith(prefixes):
                return zone
    return "UTC"


def find_trading_date(series: Series, moment: datetime) -> date:
    """The date of the trading day that a moment belongs to; UTC's if the calendar is none that the library has."""
    try:
        return find_trading_day(series.calendar, moment).date
    except UnknownCalendar:
        return moment.astimezone(UTC).date()
