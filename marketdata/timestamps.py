"""UTC times: parsed from text, and formatted as ISO 8601."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time

from django.utils.dateparse import parse_date, parse_datetime

_FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{6}\d*[1-9]")


def parse_timestamp(text: str) -> datetime | None:
    """The UTC time of an ISO 8601 date or time; None if the text is neither. Without an offset the time is UTC."""
    text = text.strip()
    if _FINER_THAN_MICROSECONDS.search(text):
        return None  # Python would truncate it to another time
    # In a query string an unquoted "+" of an offset arrives as a space.
    return _parse(text) or _parse("+".join(text.rsplit(" ", 1)))


def _parse(text: str) -> datetime | None:
    try:
        day = parse_date(text)
        moment = datetime.combine(day, time(), UTC) if day else parse_datetime(text)
        return moment and (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def from_seconds(seconds: int) -> datetime:
    """The UTC time that is `seconds` after 1970; before 1970 if negative."""
    return datetime.fromtimestamp(seconds, UTC)


def to_iso(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC with an explicit offset: 2024-01-01T00:00:00+00:00. None for None."""
    return None if moment is None else moment.astimezone(UTC).isoformat()
