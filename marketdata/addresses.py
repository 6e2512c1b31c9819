"""The address of a request for another series, and redirects to it."""

from __future__ import annotations

from urllib.parse import quote

from django.http import HttpRequest
from django.http.response import HttpResponseRedirectBase
from django.utils.encoding import escape_uri_path
from rest_framework.request import Request

# The next file can bring another contract with the same code.
NO_STORE = "no-store"
_PRINTABLE = "".join(map(chr, range(33, 127)))


def replace_slug(request: HttpRequest | Request, old: str, new: str) -> str:
    """The path and query of the request with `new` in place of the path's part `old`, such as /series/NQH5/.

    The rest is the same, byte for byte; bytes that no address may contain are percent-encoded.
    """
    path = escape_uri_path(request.path.replace(old, new, 1))
    query = quote(request.META["QUERY_STRING"].encode("latin-1"), safe=_PRINTABLE)
    return f"{path}?{query}" if query else path


class TemporaryRedirect(HttpResponseRedirectBase):
    """A redirect that keeps the method (307), and each character of the address: Django's own encode some of them."""

    status_code = 307

    def __init__(self, address: str) -> None:
        super().__init__(address, headers={"Cache-Control": NO_STORE})
        self.headers["Location"] = address
        del self.headers["Content-Type"]


class FoundRedirect(TemporaryRedirect):
    """As `TemporaryRedirect`, with status 302."""

    status_code = 302
