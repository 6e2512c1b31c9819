"""Loads the fixtures that all apps' tests share."""

import os

from django.conf import settings

# Tests of loads need no check of the bars; tests of the checks request it. Other processes read the environment.
os.environ["QUALITY_WITHOUT_WORKER"] = "false"
settings.QUALITY_WITHOUT_WORKER = False

pytest_plugins = (
    "config.testing.database.fixtures",
    "config.testing.database.roles",
    "config.testing.feeds.fixtures",
    "config.testing.web.browser",
    "config.testing.web.pages",
)
