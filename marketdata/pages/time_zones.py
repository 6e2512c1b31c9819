"""Whether a series' exchange has extended hours, and trading dates."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from django.utils import timezone

from marketdata.calendars.exchange import UnknownCalendar, get_exchange
from marketdata.calendars.trading_days import find_trading_day
from marketdata.coverage.life import read_life
from marketdata.models import Series


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
