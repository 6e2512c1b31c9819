"""States and provisional bars on the pages, in a browser."""

from __future__ import annotations

import re
import time
from datetime import timedelta

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from config.testing.builders import ingest
from config.testing.rows import execute, insert
from config.testing.web.browser import NARROW, open_page
from config.testing.web.chart import settle, write_recent_bars
from marketdata.models import FeedStatus, IngestRun, Series


@pytest.fixture
def live(market_db, tmp_path):
    """The live series `now`, whose bars of the last half hour the live feed brought."""
    if timezone.now().second > 45:  # ages are in seconds for a minute
        time.sleep(61 - timezone.now().second)
    ingest(write_recent_bars(tmp_path))
    series = Series.objects.get(symbol="NOW")
    columns = {"live": True, "feed_symbol": "NOW", "feed_stype": "raw_symbol", "dataset": "GLBX.MDP3"}
    Series.objects.filter(pk=series.pk).update(**columns, calendar="")
    start = timezone.now() - timedelta(hours=1)
    insert("market_feed_sessions", id=1, started_at=start, ended_at=None, end="")
    insert("market_feed_session_series", series_id=series.pk, session_id=1, start=start)
    IngestRun.objects.filter(symbols=["NOW"]).update(kind="live", feed_session=1)
    set_status("live")
    return series


def set_status(state, **changes):
    """The feed's row as of now; in the tests no process renews it, so `seen_at` is in the future."""
    now = timezone.now()
    row = {"state": state, "since": now, "started_at": now, "seen_at": now + timedelta(minutes=5), "session_id": 1}
    FeedStatus.objects.all().delete()
    insert("market_feed_status", **(row | changes))
    execute("SELECT pg_notify('market_feeds', 'GLBX.MDP3')")


def test_the_series_page_states_the_feed_and_marks_provisional_bars(page, live):
    page.goto("/series/now/")
    line = page.locator("#feed-line")
    expect(line).to_have_text(re.compile(r"^live, \d+ s ago$"))
    before = line.inner_text()
    expect(line).not_to_have_text(before)  # it ticks
    expect(page.locator("#feed-spoken")).to_have_text("live")
    expect(page.locator("#legend .provisional")).to_have_text("provisional")
    expect(page.locator("#provisional")).to_have_text(re.compile("^Provisional since .* UTC: until history confirms"))
    expect(page.locator("#heat .heat-provisional").first).to_have_attribute("aria-label", re.compile("provisional"))


def test_the_states_of_the_feed_reach_the_page(page, live):
    page.goto("/series/now/")
    expect(page.locator("#feed-line")).to_have_text(re.compile("^live"))
    set_status("reconnecting", reason="The gateway closed the connection.")
    line = page.locator("#feed-line")
    expect(line).to_have_text(re.compile(r"^reconnecting since \d\d:\d\d UTC$"))
    expect(line).to_have_attribute("title", "The gateway closed the connection.")
    set_status("live", seen_at=timezone.now() - timedelta(minutes=5))
    expect(line).to_have_text(re.compile(r"^stream_live is not running \(last seen "))


@pytest.mark.slow
@pytest.mark.parametrize("viewport", [None, NARROW])
def test_the_overview_follows_live_series(browser, site, reader, live, tmp_path, viewport):
    options = {"viewport": viewport} if viewport else {}
    with open_page(browser, site, reader=reader, **options) as page:
        page.goto("/")
        row = page.locator("tr[data-slug=now]")
        expect(row.locator(".age")).to_have_text(re.compile(r"^\d+ s ago$"))
        expect(row.locator(".feed-text")).to_have_text("live")
        height = row.bounding_box()["height"]
        corrected = tmp_path / "corrected"
        corrected.mkdir()
        ingest(write_recent_bars(corrected, 1, close=16_850 * 10**9, high=16_851 * 10**9))
        expect(row.locator(".close")).to_have_text("16850")
        assert row.bounding_box()["height"] == height
        set_status("reconnecting")
        expect(row.locator(".feed-text")).to_have_text(re.compile("^reconnecting since"))
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
def test_pages_of_feeds_fit_a_phone(browser, site, reader, live):
    set_status("reconnecting", reason="The gateway sent garbage: " + "GARBAGE_" * 40)
    with open_page(browser, site, reader=reader, viewport=NARROW) as page:
        for address in ("/", "/feeds/", "/series/now/", "/downloads/", "/quality/"):
            page.goto(address)
            settle(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"], address


@pytest.mark.slow
def test_the_page_of_feeds_is_renewed(page, live):
    page.goto("/feeds/")
    expect(page.locator(".feed-state")).to_have_text("live")
    set_status("stopped", reason="The vendor refused the key.")
    expect(page.locator(".feed-state")).to_have_text(re.compile("^stopped since"))
    expect(page.locator(".feed-reason")).to_have_text("The vendor refused the key.")


@pytest.mark.slow
def test_without_a_stream_the_page_polls(browser, site, reader, live, tmp_path):
    with open_page(browser, site, reader=reader) as page:
        page.add_init_script("delete window.EventSource")
        page.goto("/series/now/")
        expect(page.locator("#feed-line")).to_have_text(re.compile("^live, "))
        set_status("reconnecting")
        expect(page.locator("#feed-line")).to_have_text(re.compile("^reconnecting since"), timeout=10_000)
