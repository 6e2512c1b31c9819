"""The network address of the client of a request."""

from __future__ import annotations

import ipaddress
import re

from django.conf import settings
from django.http import HttpRequest

UNKNOWN = "unknown"  # a server on a Unix socket has no address of its client
_WITH_PORT = re.compile(r"\[(?P<v6>[^]]*)\](:\d+)?|(?P<v4>[\d.]+):\d+", re.ASCII)
_IPV6_NETWORK = 64  # bits: what one customer of a provider has


def find_client_address(request: HttpRequest) -> str:
    """The client's IPv4 address, or its IPv6 network of 64 bits, whose addresses are all one customer's.

    Each trusted proxy appends the address of its client to X-Forwarded-For. Entries before those are the client's own
    invention. Without trusted proxies (`TRUSTED_PROXIES`) the header is ignored.
    """
    forwarded = str(request.META.get("HTTP_X_FORWARDED_FOR", "")).split(",")
    trusted = forwarded[-settings.TRUSTED_PROXIES :][0] if settings.TRUSTED_PROXIES else ""
    return _parse(trusted) or _parse(str(request.META.get("REMOTE_ADDR", ""))) or UNKNOWN


def _parse(text: str) -> str:
    """The normalized address; empty if the text is none."""
    text = text.strip()
    if match := _WITH_PORT.fullmatch(text):
        text = match["v6"] or match["v4"]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, _IPV6_NETWORK), strict=False))
