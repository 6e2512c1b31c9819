"""Loads the fixtures that all apps' tests share."""

import base64
import json
import os

import pytest
from django.conf import settings

# Tests of loads need no check of the bars; tests of the checks request it. Other processes read the environment.
os.environ["QUALITY_WITHOUT_WORKER"] = "false"
settings.QUALITY_WITHOUT_WORKER = False
settings.PASSWORD_HASHERS = ["config.testing.web.passwords.FastHasher"]

pytest_plugins = (
    "config.testing.database.fixtures",
    "config.testing.database.roles",
    "config.testing.feeds.fixtures",
    "config.testing.web.browser",
    "config.testing.web.pages",
)


@pytest.hookimpl(trylast=True)
def pytest_sessionstart() -> None:
    """Let other processes measure coverage by patterns instead of folders. With folders, each process looks at its end
    for modules that it has not imported, a fifth of what coverage costs it; the process of the tests does so too."""
    variable = "COVERAGE_PROCESS_CONFIG"
    if variable in os.environ:
        values = json.loads(base64.b64decode(os.environ[variable]))
        folders, values["source"] = values["source"], None
        values["run_include"] = [f"{settings.BASE_DIR / folder}/*" for folder in folders or ()]
        os.environ[variable] = base64.b64encode(json.dumps(values).encode()).decode()
