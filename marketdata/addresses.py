"""The address of a request for another series: for redirects and links."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

_PRINTABLE = "".join(map(chr, range(33, 127)))


def replace_slug(request: HttpRequest | Request, old: str, new: str) -> str:
    """The path and query of the request with `new` in place of the path's part `old`, such as /series/NQH5/.

    The rest is the same, byte for byte; bytes that no address may contain are percent-encoded.
    """
    path = escape_uri_path(request.path.replace(old, new, 1))
    query = quote(request.META["QUERY_STRING"].encode("latin-1"), safe=_PRINTABLE)
    return f"{path}?{query}" if query else path
