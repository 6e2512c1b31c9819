"""The WSGI application, for runserver and for servers other than the Procfile's. It defaults to production, so that a
missing variable stops the server instead of opening it half-configured."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
os.environ.setdefault("BARKEEP_ENV", "production")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
