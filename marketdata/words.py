"""Numbers and times as people say them."""

from __future__ import annotations

from datetime import datetime

_UNITS = ((365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))


def age_in_words(moment: datetime, now: datetime) -> str:
    """How long ago, in the largest unit that fits: "3 days ago"; "just now" for less than a minute or the future."""
    seconds = (now - moment).total_seconds()
    for length, unit in _UNITS:
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
