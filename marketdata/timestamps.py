"""UTC times: parsed from text, and formatted as ISO 8601."""

from __future__ import annotations

from datetime import UTC, datetime, time

from django.utils.dateparse import parse_date, parse_datetime


def parse_timestamp(text: str) -> datetime | None:
    """A UTC time from a date or a time as people write them; None if it is none. Without an offset, UTC is meant."""
    text = text.strip()
    # The + of an offset that was not quoted in an address arrives as a space.
    return _parse(text) or _parse("+".join(text.rsplit(" ", 1)))


def _parse(text: str) -> datetime | None:
    try:
        day = parse_date(text)
        moment = datetime.combine(day, time(), UTC) if day else parse_datetime(text)
        return moment and (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def from_seconds(seconds: int) -> datetime:
    """The UTC time of so many seconds since 1970, also before it."""
    return datetime.fromtimestamp(seconds, UTC)


def iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with an explicit offset: 2024-01-01T00:00:00+00:00."""
    return None if moment is None else moment.astimezone(UTC).isoformat()
