"""The exchange's time zone, which charts offer beside UTC, whether it has extended hours, and trading dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from marketdata.calendars.exchange import UnknownCalendar, get_exchange
from marketdata.calendars.trading_days import find_trading_day
from marketdata.coverage.life import read_life
from marketdata.models import Series

# The time zones of Databento's venues, which are the first part of a dataset's name (GLBX.MDP3).
_VENUES = {
    "America/Chicago": ("GLBX", "XCBF"),
    "America/New_York": (
        *("ARCX", "BATS", "BATY", "DBEQ", "EDGA", "EDGX", "EPRL", "EQUS", "FINN", "FINY", "IEXG", "IFUS"),
        *("MEMX", "OPRA", "XASE", "XBOS", "XCHI", "XCIS", "XNAS", "XNYS", "XPSX"),
    ),
    "Asia/Tokyo": ("XOSE", "XTKS", "XTKT"),
    "Europe/Amsterdam": ("NDEX",),
    "Europe/Berlin": ("XEEE", "XEUR"),
    "Europe/London": ("IFEU", "IFLL"),
}
_ZONE_OF_VENUE = {venue: zone for zone, venues in _VENUES.items() for venue in venues}


def find_time_zone(series: Series) -> str:
    """The IANA name of the exchange's time zone.

    It is that of the series' calendar; without a known calendar that of its dataset; UTC if both are unknown.
    """
    if series.calendar:
        try:
            return get_exchange(series.calendar).zone.key
        except UnknownCalendar:
            pass  # the page opens even so, and reports it
    return _ZONE_OF_VENUE.get(series.dataset.partition(".")[0].upper(), "UTC")


def has_extended_hours(series: Series) -> bool:
    """Whether the series' exchange trades before and after its regular hours. False without a known calendar."""
    try:
        return bool(series.calendar) and get_exchange(series.calendar).has_extended_hours
    except UnknownCalendar:
        return False


def find_trading_date(series: Series, moment: datetime) -> date:
    """The date of the trading day that contains `moment`.

    The UTC date if the calendar is unknown: the page must open even so.
    """
    try:
        return find_trading_day(series.calendar, moment).date
    except UnknownCalendar:
        return moment.astimezone(UTC).date()


def find_life_dates(series: Series, first: datetime, last: datetime) -> tuple[date, date]:
    """The first and the last trading date of the life of a series with bars from `first` to `last`, up to today."""
    life = read_life(series, first, last)
    last_minute = life.find_stop(last, timezone.now()) - timedelta(minutes=1)
    return find_trading_date(series, life.start), find_trading_date(series, last_minute)
