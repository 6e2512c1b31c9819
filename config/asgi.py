"""The ASGI application that the Procfile serves. It defaults to production, as config/wsgi.py does."""

import os
import sys

from config.web.process import allow_many_connections, limit_memory, stop_with_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("BARKEEP_ENV", "production")
limit_memory()
allow_many_connections()
stop_with_parent()

from django.core.exceptions import ImproperlyConfigured  # noqa: E402  # what it imports needs the limits

START_FAILED = 3  # uvicorn then starts no other process instead of this one

try:
    from config.web.start import application
except ImproperlyConfigured as error:
    sys.stderr.write(f"Error: {error}\n")
    sys.exit(START_FAILED)

__all__ = ["application"]
