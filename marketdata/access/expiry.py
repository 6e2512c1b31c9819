"""When a token expires, as it is typed on the command line."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from django.utils import timezone

from marketdata.access.tokens import TokenError
from marketdata.timestamps import parse_timestamp

_DURATION = re.compile(r"(\d{1,6})\s*(d|h|w)?", re.ASCII | re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}|\d{8}", re.ASCII)
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}
FORMS = "a date such as 2027-01-31, a UTC time such as 2027-01-31T12:00, or a duration such as 90d or 12h"


def parse_expiry(text: str) -> datetime:
    """The UTC time from which a token is refused.

    A date is the token's last day. A duration counts from now, in days without a unit. Raises `TokenError` if the text
    is none of these, or if the time is not in the future.
    """
    try:
        expires_at = _parse_duration(text.strip()) or _parse_time(text.strip())
    except OverflowError:  # after the year 9999
        expires_at = None
    if expires_at is None:
        raise TokenError(f"--expires {text!r} is not understood: give {FORMS}.")
    if expires_at <= timezone.now():
        raise TokenError(f"--expires {text!r} is not in the future: give a later time.")
    return expires_at


def _parse_duration(text: str) -> datetime | None:
    match = _DURATION.fullmatch(text)
    return match and timezone.now() + int(match[1]) * _UNITS[(match[2] or "d").lower()]


def _parse_time(text: str) -> datetime | None:
    moment = parse_timestamp(text)
    return moment + timedelta(days=1) if moment and _DATE.fullmatch(text) else moment
