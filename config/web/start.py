"""Builds the front around Django, with the threads and exports of the settings."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application

django = get_wsgi_application()  # first: streams import models

from config.web.access_log import hide_queries  # noqa: E402  # see above
from config.web.front import Front  # noqa: E402  # see above

hide_queries()
application = Front(django, threads=max(1, settings.WEB_THREADS), exports=max(1, settings.EXPORTS_PER_PROCESS))
