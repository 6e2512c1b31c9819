"""Numbers and times formatted for people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

_UNITS = ((365 * 86_400, "year"), (30 * 86_400, "month"), (86_400, "day"), (3_600, "hour"), (60, "minute"))

# With the full-width forms, which spreadsheets of East Asian languages read as the others.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def format_age(moment: datetime, now: datetime) -> str:
    """The time from `moment` to `now` in the largest unit that fits: "3 days ago".

    "just now" for less than a minute, and for a moment in the future.
    """
    return format_seconds_ago((now - moment).total_seconds())


def format_seconds_ago(seconds: float) -> str:
    """`format_age` of a moment that was so many seconds ago."""
    for length, unit in _UNITS:
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def format_count(count: int, noun: str) -> str:
    """A count with its noun, in the plural except for one: "1 bar", "2,940 bars"."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def format_minutes(minutes: int) -> str:
    """The exact number; from two hours on with hours or days too: "2,940 minutes (49 h)"."""
    count = format_count(minutes, "minute")
    if minutes < 120:
        return count
    hours, rest = divmod(minutes, 60)
    if hours >= 72:
        return f"{count} ({minutes / 1440:.1f} days)"
    return f"{count} ({hours} h{f' {rest} min' if rest else ''})"


def format_price(price: Decimal) -> str:
    """The exact price without trailing zeros and without an exponent: 16234.5."""
    return format(price.normalize(), "f")


def escape_formula(text: str) -> str:
    """The text with an apostrophe before it if a spreadsheet would read it as a formula (OWASP, CSV injection).

    For cells with text only: a negative number starts with - too, and stays a number.
    """
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def format_list(names: Sequence[str], limit: int = 5) -> str:
    """The first `limit` names, for a sentence: "A, B and 3 more"."""
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def escape_controls(text: str) -> str:
    """The text with an escape, such as `\\x1b`, for each character that could act on a terminal: control characters,
    those that reverse the direction of text, and halves of characters. Line breaks and tabs stay."""
    return _POSSIBLE_CONTROL.sub(_escape_control, text)


_POSSIBLE_CONTROL = re.compile(r"[^\n\t -~]")


def _escape_control(found: re.Match[str]) -> str:
    character = found[0]
    if character.isprintable() or unicodedata.category(character) == "Zs":
        return character
    return character.encode("unicode_escape").decode()
