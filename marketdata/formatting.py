"""Numbers and times as people write and read them."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

_UNITS = ((365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


def format_age(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: "3 days ago"; "just now" for less than a minute or the future."""
    seconds = (now - moment).total_seconds()
    for length, unit in _UNITS:
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def format_minutes(minutes: int) -> str:
    """The exact number, and from two hours on what one can picture too: "2,940 minutes (49 h)"."""
    count = f"{minutes:,} minute{'' if minutes == 1 else 's'}"
    if minutes < 120:
        return count
    hours, rest = divmod(minutes, 60)
    if hours >= 72:
        return f"{count} ({minutes / 1440:.1f} days)"
    return f"{count} ({hours} h{f' {rest} min' if rest else ''})"


def exact(price: Decimal) -> str:
    """All digits that say something and no others: 16234.5."""
    return format(price.normalize(), "f")


def format_list(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """The first few of many names, for a sentence."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
