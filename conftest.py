"""Loads the fixtures that all apps' tests share."""

pytest_plugins = ("config.testing.databases", "config.testing.web.browser", "config.testing.pages")
