"""/healthz on the event loop: no thread and no queue can delay it."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http.request import split_domain_port, validate_host

from config.web.answers import Answer
from config.web.types import Scope

PATH = "/healthz"
_BODY = {b"content-length", b"transfer-encoding"}


class HealthAnswers:
    """Django's own answers, one over HTTPS and one over HTTP, which do not depend on anything else of a request.

    `ask` calls Django with a request of its own.
    """

    def __init__(self, ask: Callable[[Scope], Answer]) -> None:
        self._answers = {https: ask(_build_scope(https=https)) for https in (False, True)}

    def find(self, scope: Scope) -> Answer | None:
        """The answer; None if Django must decide: another path or method, a body, a host that is not allowed."""
        if scope["path"] != PATH or scope["method"] not in ("GET", "HEAD"):
            return None
        headers = {name: value.decode("latin1") for name, value in scope["headers"]}
        if _BODY & headers.keys() or not _is_allowed(headers.get(b"host", "")):
            return None
        answer = self._answers[_is_https(headers)]
        return answer if answer.status == 200 else None


def _is_https(headers: dict[bytes, str]) -> bool:
    header = settings.SECURE_PROXY_SSL_HEADER
    if header is None:
        return False
    name = header[0].removeprefix("HTTP_").replace("_", "-").lower().encode()
    return headers.get(name, "").split(",")[0].strip() == header[1]


def _is_allowed(host: str) -> bool:
    domain, _ = split_domain_port(host)
    return bool(domain) and validate_host(domain, settings.ALLOWED_HOSTS)


def _build_scope(*, https: bool) -> Scope:
    host = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"), "localhost")
    headers = [(b"host", host.encode())]
    if https and (header := settings.SECURE_PROXY_SSL_HEADER):
        headers.append((header[0].removeprefix("HTTP_").replace("_", "-").lower().encode(), header[1].encode()))
    return {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "headers": headers,
    }
