"""All pages keep WCAG 2 levels A and AA, as far as axe-core can test them: wide and narrow, light and dark."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.testing.builders import bars, ingest, save, write
from config.testing.rows import insert
from config.testing.web.browser import open_page
from config.testing.web.chart import open_series, settle

pytestmark = pytest.mark.slow

AXE = Path(settings.BASE_DIR, "node_modules", "axe-core", "axe.min.js")
RULES = ("wcag2a", "wcag2aa")
WIDTHS = (1400, 390)
RUN_AXE = """async (rules) => {
    const { passes, violations } = await axe.run(document, { runOnly: rules });
    return { passes: passes.length, violations: violations.flatMap((rule) =>
        rule.nodes.map((node) => `${rule.id}: ${node.target} ${node.failureSummary}`)) };
}"""


def open_docs(page: Page) -> None:
    page.goto("/api/docs/")
    expect(page.locator(".opblock-summary-path").first).to_be_visible()


def open_job(page: Page) -> None:
    page.goto("/runs/2/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("No worker is running")).to_be_visible()


def open_feeds(page: Page) -> None:
    """A feed that runs, and one that is stopped, with sessions."""
    insert("market_feed_sessions", id=1, late=2, error="The gateway closed the connection.")
    insert("market_feed_sessions", id=2, ended_at=None, end="")
    insert("market_feed_status", seen_at=timezone.now(), session_id=2)
    insert("market_feed_status", dataset="XNAS.ITCH", state="stopped", reason="The vendor refused the key.")
    page.goto("/feeds/")


PAGES = {
    "home": "/",
    "series": open_series,
    "run": "/runs/1/",
    "failed run": "/runs/2/",
    "undo": "/runs/1/undo/",
    "job": open_job,
    "admin list": "/admin/marketdata/ingestrun/",
    "docs": open_docs,
    "feeds": open_feeds,
}


def check_page(page: Page) -> None:
    """Fails with the rule, the element and the remedy of each violation. The page's security policy allows no script
    from elsewhere, but what the browser's own protocol evaluates."""
    page.evaluate(AXE.read_text())
    found = page.evaluate(RUN_AXE, RULES)
    assert found["passes"] > 5
    assert found["violations"] == [], "\n\n".join(found["violations"])


@pytest.fixture(autouse=True)
def _axe():
    if not AXE.exists():
        pytest.skip("ACCESSIBILITY IS NOT TESTED: axe-core is not installed. Install npm, then run make test-slow.")


@pytest.fixture
def runs(market_db, tmp_path):
    """A successful and a failed run."""
    ingest(write(tmp_path / "mnq.dbn", bars(2000)))
    with pytest.raises(CommandError, match="not a DBN file"):
        ingest(save(tmp_path / "bad.dbn", b"no bars"))


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible(browser, site, reader, runs, name, scheme, width):
    viewport = {"width": width, "height": 900}
    with open_page(browser, site, reader=reader, viewport=viewport, color_scheme=scheme) as page:
        go = PAGES[name]
        if callable(go):
            go(page)
        else:
            page.goto(go)
            settle(page)
        check_page(page)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_login_page_is_accessible(browser, site, market_db, scheme, width):
    with open_page(browser, site, viewport={"width": width, "height": 900}, color_scheme=scheme) as page:
        page.goto("/")
        expect(page.get_by_label("Username")).to_be_visible()
        check_page(page)


def test_a_violation_is_found(browser, site, reader, runs):
    with open_page(browser, site, reader=reader) as page:
        page.goto("/")
        page.evaluate("document.documentElement.removeAttribute('lang')")
        with pytest.raises(AssertionError, match="html-has-lang"):
            check_page(page)
