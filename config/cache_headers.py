"""Which caches may keep a response: none but the client's own, since most of them need a login and a licence."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers

API = "/api/"


class CacheHeadersMiddleware:
    """Answers of the API are `private`, all others `no-store`, unless the view is stricter.

    It is the middleware of refusals and errors, too. Static files never reach it.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self._get_response(request)
        is_api = request.path_info.startswith(API)
        response.headers.setdefault("Cache-Control", "private" if is_api else "no-store")
        patch_vary_headers(response, ("Accept", "Authorization", "Cookie") if is_api else ("Cookie",))
        return response
