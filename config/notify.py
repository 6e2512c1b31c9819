"""Checks the settings of alerts. No message shows a secret."""

from __future__ import annotations

import re
from datetime import time
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.core.exceptions import ImproperlyConfigured

SEVERITIES = ("info", "warning", "error", "critical")
MIN_SECRET = 16
_URL = r"[A-Za-z][A-Za-z0-9+.-]*://\S+"
_CLOCK = r"([01]\d|2[0-3]):[0-5]\d"


def read_notify_urls(text: str) -> list[str]:
    """The addresses of NOTIFY_URLS, each once. They are separated by spaces; apprise's commas are accepted too.

    Whether apprise knows the service is checked when the worker starts.
    """
    urls = re.split(rf"\s+|,\s*(?={_URL})", text.strip(" \t\n,"))
    for number, url in enumerate(urls, start=1):
        if url and not re.fullmatch(_URL, url):
            raise ImproperlyConfigured(
                f"NOTIFY_URLS has no address at place {number}: set it to addresses of apprise such as "
                "slack://TokenA/TokenB/TokenC, separated by spaces."
            )
    return [url for url in dict.fromkeys(urls) if url]


def read_quiet_hours(text: str) -> tuple[time, time] | None:
    """Start and end of quiet hours such as 22:00-07:00; None for an empty text."""
    if not text:
        return None
    start, _, end = text.partition("-")
    if not (re.fullmatch(_CLOCK, start, re.ASCII) and re.fullmatch(_CLOCK, end, re.ASCII)) or start == end:
        raise ImproperlyConfigured(f"NOTIFY_QUIET_HOURS is {text!r}: set it to hours such as 22:00-07:00, or unset it.")
    return time.fromisoformat(start), time.fromisoformat(end)


def check_notify(*, webhook_url: str, webhook_secret: str, min_severity: str, zone: str, site_url: str) -> None:
    """Raise `ImproperlyConfigured` for settings with which an alert could not be sent as intended."""
    if min_severity not in SEVERITIES:
        raise ImproperlyConfigured(
            f"NOTIFY_MIN_SEVERITY is {min_severity!r}: set it to one of {', '.join(SEVERITIES)}."
        )
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        fault = f"NOTIFY_TIME_ZONE is {zone!r}: set it to a zone such as America/Chicago, or unset it (default: UTC)."
        raise ImproperlyConfigured(fault) from None
    if webhook_url and not _is_web_address(webhook_url):
        raise ImproperlyConfigured(
            "NOTIFY_WEBHOOK_URL is no address: set it to one such as https://example.com/alerts."
        )
    if webhook_url and len(webhook_secret) < MIN_SECRET:
        raise ImproperlyConfigured(
            f"NOTIFY_WEBHOOK_SECRET has fewer than {MIN_SECRET} characters: set it to a random text, so that the "
            "receiver can check the signature."
        )
    if webhook_secret and not webhook_url:
        raise ImproperlyConfigured("NOTIFY_WEBHOOK_SECRET is set without NOTIFY_WEBHOOK_URL: set both, or none.")
    if site_url and not _is_web_address(site_url):
        raise ImproperlyConfigured("SITE_URL is no address: set it to one such as https://barkeep.example.com.")


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False
