"""Loads the fixtures that all apps' tests share."""

pytest_plugins = (
    "config.testing.database.fixtures",
    "config.testing.database.roles",
    "config.testing.feeds.fixtures",
    "config.testing.web.browser",
    "config.testing.web.pages",
)
