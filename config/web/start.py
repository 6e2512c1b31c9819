"""Builds the front around Django, with the threads and exports of the settings."""

from __future__ import annotations

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.web.access_log import hide_queries
from config.web.front import Front

hide_queries()
application = Front(
    get_wsgi_application(), threads=max(1, settings.WEB_THREADS), exports=max(1, settings.EXPORTS_PER_PROCESS)
)
