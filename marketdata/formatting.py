"""Numbers and times as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, time
from decimal import Decimal

from django.utils.dateparse import parse_date, parse_datetime

_UNITS = ((365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


def age_in_words(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: "3 days ago"; "just now" for less than a minute or the future."""
    seconds = (now - moment).total_seconds()
    for length, unit in _UNITS:
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def minutes_in_words(minutes: int) -> str:
    """The exact number, and from two hours on what one can picture too: "2,940 minutes (49 h)"."""
    count = f"{minutes:,} minute{'' if minutes == 1 else 's'}"
    if minutes < 120:
        return count
    hours, rest = divmod(minutes, 60)
    if hours >= 72:
        return f"{count} ({minutes / 1440:.1f} days)"
    return f"{count} ({hours} h{f' {rest} min' if rest else ''})"


def parse_moment(text: str) -> datetime | None:
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


def exact(price: Decimal) -> str:
    """All digits that say something and no others: 16234.5."""
    return format(price.normalize(), "f")
