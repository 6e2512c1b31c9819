"""Nanoseconds since 1970 (UTC), from and to what the API writes."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time

SECOND = 1_000_000_000
MINUTE = 60 * SECOND
DAY = 86_400 * SECOND

When = str | int | datetime | date
_FRACTION = re.compile(r"\.(\d+)")


def to_ns(when: When) -> int:
    """Nanoseconds since 1970 of ISO text, a datetime, a date (midnight UTC), or nanoseconds. Naive times are UTC."""
    if isinstance(when, int):
        return when
    if isinstance(when, str):
        return int(when) if when.isdigit() else _parse(when)
    if not isinstance(when, datetime):
        when = datetime.combine(when, time())
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return int(when.replace(microsecond=0).timestamp()) * SECOND + when.microsecond * 1000


def _parse(text: str) -> int:
    """ISO text, with up to nine digits of a second, which datetime does not read."""
    fraction = _FRACTION.search(text)
    whole = datetime.fromisoformat(_FRACTION.sub("", text))
    return to_ns(whole) + (int(fraction[1].ljust(9, "0")[:9]) if fraction else 0)


def to_day(ns: int) -> date:
    """The UTC day of a time."""
    return datetime.fromtimestamp(ns // SECOND, UTC).date()


def to_iso(ns: int) -> str:
    """`2024-03-04T14:30:00.000000000Z`, as JSON answers have it."""
    return f"{datetime.fromtimestamp(ns // SECOND, UTC):%Y-%m-%dT%H:%M:%S}.{ns % SECOND:09d}Z"


def to_sentence(ns: int) -> str:
    """`2024-03-04 14:30:00+00:00`, as error messages have it."""
    return to_iso(ns).replace("T", " ").replace(".000000000Z", "+00:00").replace("Z", "+00:00")
