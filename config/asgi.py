"""The ASGI application that the Procfile serves. It defaults to production, as config/wsgi.py does."""

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("BARKEEP_ENV", "production")

from config.web.memory import limit_memory

limit_memory()

from django.conf import settings  # noqa: E402  # after limit_memory
from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from config.web.front import Front

START_FAILED = 3  # uvicorn then starts no other process instead of this one

try:
    application = Front(
        get_wsgi_application(), threads=max(1, settings.WEB_THREADS), exports=max(1, settings.EXPORTS_PER_PROCESS)
    )
except ImproperlyConfigured as error:
    sys.stderr.write(f"Error: {error}\n")
    sys.exit(START_FAILED)
