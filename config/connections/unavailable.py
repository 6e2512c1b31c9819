"""The responses where the database does not respond, or refuses a write: JSON for the API, a plain page elsewhere."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.views.defaults import server_error

from config.connections.monitor import monitor
from marketdata.database import is_write_refused

RETRY_SECONDS = 10
DETAIL = "The database does not respond: try again later."
REFUSED = "The database role of this server may not do this: use a server whose role may write."

logger = logging.getLogger(__name__)


class DatabaseGuardMiddleware:
    """Refuses requests at once while the database does not respond, and answers those that fail for that reason.

    It is the innermost middleware, so that its responses get the headers of all others.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        monitor.observe()

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if monitor.is_down and request.path not in ("/healthz", "/readyz"):
            return build_unavailable(request)
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, DatabaseError) and is_write_refused(exception):
            logger.warning("The database refused a request of %s: %s", request.path, exception)
            return build_refused(request)
        if not isinstance(exception, (InterfaceError, OperationalError)):
            return None
        logger.error("The database did not respond to a request of %s: %s", request.path, exception)
        monitor.suspect()
        return build_unavailable(request)


def build_unavailable(request: HttpRequest) -> HttpResponse:
    """503 with Retry-After. The page needs no database."""
    response = _build(request, DETAIL, "503.html", status=503)
    response["Retry-After"] = str(RETRY_SECONDS)
    return response


def build_refused(request: HttpRequest) -> HttpResponse:
    """403: the role lacks a right, or the session may only read. Nothing was stored."""
    return _build(request, REFUSED, "database_refused.html", status=403)


def _build(request: HttpRequest, detail: str, template: str, *, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        response: HttpResponse = JsonResponse({"detail": detail}, status=status)
    else:
        response = HttpResponse(render_to_string(template, {"detail": detail}), status=status)
    response["Cache-Control"] = "no-store"
    return response


def handle_server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500: a middleware, such as that of sessions, can fail outside of a view."""
    error = sys.exc_info()[1]
    if isinstance(error, DatabaseError) and is_write_refused(error):
        return build_refused(request)
    if isinstance(error, (InterfaceError, OperationalError)):
        monitor.suspect()
        return build_unavailable(request)
    return server_error(request)
