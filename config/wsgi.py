"""The WSGI application. It defaults to production, so that a missing variable stops the server instead of opening it
half-configured."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("BARKEEP_ENV", "production")

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.connections.gate import RequestGate

application = RequestGate(get_wsgi_application(), limit=max(1, settings.WEB_THREADS - 1))
