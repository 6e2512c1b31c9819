"""Chromium on a live server, for browser tests of the pages. A script error, a console message or a violation of the
content security policy fails the test in which it occurs."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth import get_user_model
from django.db.backends.base.base import BaseDatabaseWrapper
from django.test import Client
from playwright.sync_api import Browser, Page, ViewportSize, expect, sync_playwright

from config.testing.builders import Printed, bars, ingest, together, write_filled
from config.testing.rows import RUNS, insert
from config.testing.web.live_server import serve

if TYPE_CHECKING:
    from django.contrib.auth.models import User

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = """no-sandbox disable-gpu disable-quic no-first-run disable-background-networking
disable-component-update disable-sync"""
COUNT_REQUESTS = """{
    const real = window.fetch;
    window.pendingRequests = 0;
    window.fetch = (...request) => {
        window.pendingRequests += 1;
        return real(...request).finally(() => (window.pendingRequests -= 1));
    };
}"""
ABORTED = "net::ERR_ABORTED"
PATIENCE = 20_000  # milliseconds that a page may take on a busy machine; it proves nothing about pages
WIDE: ViewportSize = {"width": 1600, "height": 1000}
NARROW: ViewportSize = {"width": 390, "height": 844}
NARROWEST: ViewportSize = {"width": 320, "height": 640}  # WCAG 2.1, 1.4.10: reflow


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("THE PAGES ARE NOT TESTED: Chromium is not installed. Install chromium, then run the tests again.")
    expect.set_options(timeout=PATIENCE)
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright runs an event loop in this thread. Without the variable, Django refuses database access in it.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{name}" for name in ARGUMENTS.split()])
        yield browser
        browser.close()


@pytest.fixture
def site(browser: Browser, market_db: BaseDatabaseWrapper) -> Iterator[str]:
    """The address of a live server, for the browser."""
    with serve() as address:
        yield address


@pytest.fixture
def reader(market_db: BaseDatabaseWrapper) -> Iterator[User]:
    user = get_user_model().objects.create_superuser("reader", "", "secret")
    yield user
    user.delete()


@contextmanager
def open_page(
    browser: Browser,
    site: str,
    *,
    reader: User | None = None,
    viewport: ViewportSize = WIDE,
    allowed_error: str = "",
    **options: Any,
) -> Iterator[Page]:
    """A page in a new browser context, logged in as `reader`.

    At the end, every error on the page must contain `allowed_error`; without one, there must be none.
    """
    context = browser.new_context(base_url=site, viewport=viewport, **options)
    if reader:
        client = Client()
        client.force_login(reader)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    page = context.new_page()
    page.set_default_timeout(PATIENCE)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type in ("error", "warning") else None)
    # Navigation aborts pending requests; that is no error.
    page.on(
        "requestfailed",
        lambda request: None if request.failure == ABORTED else errors.append(f"{request.url}: {request.failure}"),
    )
    page.on("request", lambda request: None if request.url.startswith((site, "data:")) else errors.append(request.url))
    page.add_init_script(COUNT_REQUESTS)
    yield page
    # Closing the context earlier would make pending requests fail.
    page.evaluate("async () => { while (window.pendingRequests) await new Promise(requestAnimationFrame); }")
    context.close()
    assert [error for error in errors if not (allowed_error and allowed_error in error)] == []


@pytest.fixture
def page(browser: Browser, site: str, reader: User) -> Iterator[Page]:
    with open_page(browser, site, reader=reader) as page:
        yield page


@pytest.fixture
def mnq(market_db: BaseDatabaseWrapper, tmp_path: Path) -> Printed:
    """5,000 bars from 2 January 2024, with a missing hour on 3 January."""
    return ingest(write_filled(tmp_path / "mnq.dbn", together(bars(2000), bars(3000, first=2060))))


@pytest.fixture
def two_runs(db: None) -> None:
    """Runs 1 and 2, for bars inserted with plain SQL."""
    for number in (1, 2):
        insert(RUNS, id=number)
