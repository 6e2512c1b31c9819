"""The WSGI application, for runserver and for servers other than the Procfile's. It defaults to production, so that a
missing variable stops the server instead of opening it half-configured."""

import os
from collections.abc import Callable, Iterable
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("BARKEEP_ENV", "production")

from django.core.wsgi import get_wsgi_application

_RUNSERVER = "WSGIServer/"  # it has a thread for each connection
_django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """Streams are refused with 503 where few threads serve all connections: each stream would occupy one for ever."""
    environ["barkeep.can_stream"] = str(environ.get("SERVER_SOFTWARE", "")).startswith(_RUNSERVER)
    response: Iterable[bytes] = _django(environ, start_response)
    return response
