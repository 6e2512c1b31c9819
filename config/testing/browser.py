"""A real Chromium on a real server, for the tests of pages. Any error on the console or in a script fails the test that
met it; so does anything that the policy for contents of the settings forbids."""

from __future__ import annotations

import shutil
import threading
from contextlib import contextmanager

import pytest
from django.contrib.auth import get_user_model
from django.core.handlers.wsgi import WSGIHandler
from django.core.servers.basehttp import ThreadedWSGIServer
from django.test import Client
from django.test.testcases import QuietWSGIRequestHandler
from playwright.sync_api import sync_playwright

from config.testing.builders import bars, ingest, together, write
from config.testing.rows import RUNS, insert

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGUMENTS = """no-sandbox disable-gpu disable-quic no-first-run disable-background-networking
disable-component-update disable-sync"""
COUNT_REQUESTS = """{
    const real = window.fetch;
    window.underWay = 0;
    window.fetch = (...what) => {
        window.underWay += 1;
        return real(...what).finally(() => (window.underWay -= 1));
    };
}"""
LEFT = "net::ERR_ABORTED"
WIDE, NARROW = {"width": 1600, "height": 1000}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("THE PAGES ARE NOT TESTED: there is no Chromium on this machine. Install chromium, and run again.")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, where Django would otherwise refuse its database.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=[f"--{name}" for name in ARGUMENTS.split()])
        yield browser
        browser.close()


@pytest.fixture
def site(browser, market_db):
    """The address of a server on the test's database. Each of its requests closes its own connection."""
    server = ThreadedWSGIServer(("127.0.0.1", 0), QuietWSGIRequestHandler, allow_reuse_address=False)
    server.set_app(WSGIHandler())
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def reader(market_db):
    user = get_user_model().objects.create_superuser("reader", "", "secret")
    yield user
    user.delete()


@contextmanager
def opened(browser, site: str, *, reader=None, viewport=WIDE, but_for: str = "", **options):
    """A page of a new browser, logged in as `reader`. Afterwards nothing may have gone wrong on it, `but_for` that."""
    context = browser.new_context(base_url=site, viewport=viewport, **options)
    if reader:
        client = Client()
        client.force_login(reader)
        context.add_cookies([{"name": "sessionid", "value": client.cookies["sessionid"].value, "url": site}])
    page = context.new_page()
    page.set_default_timeout(10_000)
    wrong = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    # What is under way when a test goes to another page is given up, and nothing is wrong with that.
    page.on(
        "requestfailed",
        lambda request: None if request.failure == LEFT else wrong.append(f"{request.url}: {request.failure}"),
    )
    page.on("request", lambda request: None if request.url.startswith((site, "data:")) else wrong.append(request.url))
    page.add_init_script(COUNT_REQUESTS)
    yield page
    # Closed earlier, requests would fail that nothing is wrong with.
    page.evaluate("async () => { while (window.underWay) await new Promise(requestAnimationFrame); }")
    context.close()
    assert [one for one in wrong if not (but_for and but_for in one)] == []


@pytest.fixture
def page(browser, site, reader):
    with opened(browser, site, reader=reader) as page:
        yield page


@pytest.fixture
def mnq(market_db, tmp_path):
    """5,000 bars from 2 January 2024 on, with an hour missing on the third."""
    return ingest(write(tmp_path / "mnq.dbn", together(bars(2000), bars(3000, first=2060))))


@pytest.fixture
def two_runs(db):
    """Runs 1 and 2, for bars put in with plain SQL."""
    for number in (1, 2):
        insert(RUNS, id=number)
