"""Times and trading hours written in an exchange's time zone."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from marketdata.calendars.exchange import get_exchange
from marketdata.calendars.trading_days import TradingDay, find_trading_days

CME, NYSE = "CME Globex Equity", "NYSE"
CHICAGO, NEW_YORK = ZoneInfo("America/Chicago"), ZoneInfo("America/New_York")
ZONES = {CME: CHICAGO, NYSE: NEW_YORK, "": UTC}

calendars = st.sampled_from(list(ZONES))
moments = st.integers(0, 17 * 365 * 1440).map(
    lambda minutes: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def utc(text: str, zone: tzinfo = UTC) -> datetime:
    """The UTC time of `2025-03-09 17:00` in a time zone."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def format_clock(moment: datetime, zone: ZoneInfo) -> str:
    """The moment in a time zone: `Sun 09 17:00`."""
    return moment.astimezone(zone).strftime("%a %d %H:%M")


def find_day(calendar: str, text: str) -> TradingDay | None:
    """The trading day of this date; None if the exchange was closed all day."""
    day = date.fromisoformat(text)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    around = find_trading_days(calendar, noon - timedelta(days=2), noon + timedelta(days=2))
    return next((found for found in around if found.date == day), None)


def format_spans(calendar: str, text: str) -> list[str] | None:
    """When the exchange was open on a trading date, in its time zone: `17:00-16:00`; None if it was closed all day."""
    day = find_day(calendar, text)
    if day is None:
        return None
    zone = get_exchange(calendar).zone if calendar else UTC
    return [f"{opened.astimezone(zone):%H:%M}-{closed.astimezone(zone):%H:%M}" for opened, closed in day.spans]
