"""Loads the fixtures that all apps' tests share."""

import os

# Tests of loads need no check of the bars. Tests of the checks request it.
os.environ.setdefault("QUALITY_WITHOUT_WORKER", "false")

pytest_plugins = (
    "config.testing.database.fixtures",
    "config.testing.database.roles",
    "config.testing.feeds.fixtures",
    "config.testing.web.browser",
    "config.testing.web.pages",
)
