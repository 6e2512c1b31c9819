"""What every page requires of a request."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from marketdata.runs.locks import close_orphaned_runs

View = Callable[..., HttpResponse]


def page_view(view: View) -> View:
    """Redirect to the login without one, and close orphaned runs first: no page may show them as running."""

    @login_required
    @functools.wraps(view)
    def wrapper(request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        close_orphaned_runs()
        return view(request, *args, **kwargs)

    return wrapper
