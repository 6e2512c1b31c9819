"""Exchanges' clocks, as sessions' tests write them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from marketdata.calendars.trading_days import TradingDay, find_trading_days

CME, NYSE = "CME Globex Equity", "NYSE"
CHICAGO, NEW_YORK = ZoneInfo("America/Chicago"), ZoneInfo("America/New_York")
ZONES = {CME: CHICAGO, NYSE: NEW_YORK, "": UTC}

calendars = st.sampled_from(list(ZONES))
moments = st.integers(0, 17 * 365 * 1440).map(
    lambda minutes: datetime(2010, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def utc(text: str, zone: ZoneInfo = UTC) -> datetime:
    """`2025-03-09 17:00` of a zone's clock, in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


def on(moment: datetime, zone: ZoneInfo) -> str:
    """A moment on a zone's clock: `Sun 09 17:00`."""
    return moment.astimezone(zone).strftime("%a %d %H:%M")


def day_of(calendar: str, text: str) -> TradingDay | None:
    """The trading day of this date; None if the exchange was closed all day."""
    wanted = date.fromisoformat(text)
    noon = datetime(wanted.year, wanted.month, wanted.day, 12, tzinfo=UTC)
    around = find_trading_days(calendar, noon - timedelta(days=2), noon + timedelta(days=2))
    return next((day for day in around if day.date == wanted), None)


def spans_of(calendar: str, text: str) -> list[str] | None:
    """When the exchange was open on a trading date, by its own clock: `17:00-16:00`."""
    day = day_of(calendar, text)
    zone = ZONES[calendar]
    return day and [f"{opened.astimezone(zone):%H:%M}-{closed.astimezone(zone):%H:%M}" for opened, closed in day.spans]
