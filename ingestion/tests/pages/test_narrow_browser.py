"""No page is wider than a screen of 320 CSS pixels, which WCAG 2 requires (1.4.10, reflow)."""

from __future__ import annotations

import pytest
from django.core.management import CommandError
from django.utils import timezone
from playwright.sync_api import Page, expect

from config.testing.builders import bars, ingest, save, write
from config.testing.rows import insert
from config.testing.web.browser import NARROWEST, open_page
from config.testing.web.chart import settle
from marketdata.models import Series

pytestmark = pytest.mark.slow

ADDRESSES = (
    *("/", "/?q=mnq", "/series/mnq/", "/runs/1/", "/runs/2/", "/runs/1/undo/"),
    *("/downloads/", "/downloads/series/mnq/", "/feeds/", "/quality/", "/quality/1/"),
    *("/admin/", "/admin/marketdata/ingestrun/", "/admin/marketdata/series/", "/api/docs/"),
)
# The elements that reach beyond the screen, for the message of a failure.
WIDE_ELEMENTS = """(width) => [...document.querySelectorAll("body :not(thead *)")]
    .filter((one) => one.getBoundingClientRect().right > width + 1)
    .map((one) => `${one.tagName} ${one.className} ${one.id}`).slice(0, 20)"""


@pytest.fixture
def rows(market_db, tmp_path):
    """A row of each kind that a page can show, with texts that are long and have no spaces."""
    ingest(write(tmp_path / "mnq.dbn", bars(2000)))
    with pytest.raises(CommandError, match="not a DBN file"):
        ingest(save(tmp_path / f"{'long_name_' * 9}.dbn", b"no bars"))
    series = Series.objects.get(slug="mnq")
    series.feed_symbol, series.feed_stype, series.live, series.feed_daily = "MNQ.c.0", "continuous", True, True
    series.save()
    error = f"The vendor refused /api/{'v0_timeseries_' * 8}: 402 account_insufficient_funds."
    request = {"series_id": series.pk, "run_id": None, "received_records": None}
    insert("market_feed_requests", **request | {"id": 1, "state": "failed", "error": error})
    insert("market_feed_requests", **request | {"id": 2, "run_id": 1, "received_records": 30_000, "error": ""})
    insert("market_backfills", series=["mnq"], status="failed", error=error)
    insert("market_series_days", series_id=series.pk, changed=12, run_id=1)
    insert("market_feed_sessions", id=1, late=1234, repeated=12_345, error=error)
    insert("market_feed_session_series", series_id=series.pk)
    insert("market_feed_status", seen_at=timezone.now(), session_id=1, process=f"{'host-' * 20}17", lag_ms=31)
    insert("market_quality_findings", series_id=series.pk, run_id=1, text=f"{'Price_' * 20} left its range.")
    insert("market_quality_events")


def check_width(page: Page, address: str) -> None:
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= NARROWEST["width"], (address, width, page.evaluate(WIDE_ELEMENTS, NARROWEST["width"]))


def test_no_page_is_wider_than_320_pixels(browser, site, reader, rows):
    with open_page(browser, site, reader=reader, viewport=NARROWEST) as page:
        for address in ADDRESSES:
            page.goto(address)
            settle(page)
            check_width(page, address)


def test_neither_is_the_page_of_a_job_or_of_the_login(browser, site, reader, rows):
    with open_page(browser, site, reader=reader, viewport=NARROWEST) as page:
        page.goto("/runs/2/")
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("No worker is running")).to_be_visible()
        check_width(page, "job")
        page.goto("/downloads/")
        check_width(page, "downloads with a job")
        page.get_by_role("button", name="Log out").click()
        page.goto("/login/")
        expect(page.get_by_label("Username")).to_be_visible()
        check_width(page, "login")
