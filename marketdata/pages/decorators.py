"""What every page requires of a request and does to its response, and the answer to a page that polls."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse

from marketdata.formatting import escape_controls
from marketdata.runs.activity import Activity
from marketdata.runs.jobs import close_orphaned_jobs
from marketdata.runs.locks import close_orphaned_runs

View = Callable[..., HttpResponse]


def page_view(view: View) -> View:
    """Redirect to the login without one, and close orphaned runs and jobs first: no page may show them as running."""

    @login_required
    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        close_orphaned_runs()
        close_orphaned_jobs()
        return escape_page(view(request, *args, **kwargs))

    return wrapper


def escape_page(response: HttpResponse) -> HttpResponse:
    """The HTML page with escapes, such as `\\u202e`, for characters that no reader sees: stored names of files may have
    control characters, and those that reverse the direction of text."""
    if response.headers.get("Content-Type", "").startswith("text/html"):
        response.content = escape_controls(response.content.decode()).encode()
    return response


def state_view(view: Callable[..., Activity]) -> View:
    """A `page_view` that answers in JSON. Its ETag lets a browser that polls receive 304 if nothing has changed."""

    @page_view
    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        return JsonResponse(view(request, *args, **kwargs), headers={"Cache-Control": "private, no-cache"})

    return wrapper
