"""Loading bars while the chart moves, and polling for new ones."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from config.testing.builders import MIDNIGHT, bars, ingest, stored, write_filled
from config.testing.web.browser import open_page
from config.testing.web.chart import LAST, correct_bars, drag, go_to, open_series, point_at, settle

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_panning_left_loads_older_bars_and_keeps_the_view(page, mnq):
    open_series(page)
    page.locator("#chart").focus()
    for _ in range(6):
        page.keyboard.press("-")
        settle(page)
    with page.expect_response(re.compile(r"/bars\?.*end=")):
        drag(page, 0.1, 0.85)
        drag(page, 0.1, 0.85)
    settle(page)
    before = point_at(page, 0.5)
    for _ in range(3):
        drag(page, 0.1, 0.85)
    assert point_at(page, 0.5) < before - timedelta(minutes=1500)
    assert point_at(page, 0.9) - point_at(page, 0.4) > timedelta(minutes=500)
    assert stored()[point_at(page, 0.6)]


@pytest.mark.slow
def test_newer_bars_are_loaded_after_a_jump(page, mnq):
    open_series(page)
    go_to(page, "2024-01-02")
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 00:00 UTC")
    settle(page)
    for _ in range(4):
        drag(page, 0.85, 0.1)
    assert point_at(page, 0.4) > MIDNIGHT + timedelta(minutes=2060)
    page.get_by_role("button", name="Latest").click()
    expect(page.locator("#legend .when")).to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")


def test_candles_stay_until_others_are_loaded(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader, allowed_error="ERR_FAILED") as page:
        open_series(page)
        requests = []
        page.route("**/ohlcv-1h/bars**", lambda route: requests.append(route))
        page.get_by_text("1h", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("Loading…")
        box = page.locator("#chart").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4)
        expect(page.locator("#legend .when")).not_to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")
        expect(page.locator("#legend .open")).to_have_text(re.compile(r"^O16\d{3}\.\d\d$"))
        requests[0].abort()
        expect(page.get_by_role("status")).to_have_text("The server cannot be reached.")
        expect(page.get_by_label("1m", exact=True)).to_be_checked()
        assert "timeframe" not in page.url
        values = stored()[point_at(page, 0.6)]
        expect(page.locator("#legend .high")).to_have_text(f"H{values[1]:.2f}")
        page.unroute("**/ohlcv-1h/bars**")
        page.get_by_text("1h", exact=True).click()
        expect(page.locator("#legend .minutes")).not_to_be_empty()
        expect(page.get_by_role("status")).to_have_text("")


def test_an_expired_session_is_reported(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader, allowed_error="status of 401") as page:
        open_series(page)
        page.context.clear_cookies()
        go_to(page, "2024-01-02")
        expect(page.get_by_role("status")).to_have_text("You are no longer logged in: reload the page.")


def test_without_a_stream_new_bars_are_polled_while_the_page_is_visible(browser, site, reader, mnq, tmp_path):
    with open_page(browser, site, reader=reader, allowed_error="ERR_FAILED") as page:
        page.add_init_script("""{
            delete window.EventSource;
            const real = window.setInterval;
            window.setInterval = (work, interval) => real(work, interval === 30_000 ? 100 : interval);
        }""")
        page.goto("/series/mnq/?timeframe=5m")
        expect(page.locator("#legend .minutes")).to_have_text("5 of 5 min")
        ingest(write_filled(tmp_path / "more.dbn", bars(3, first=5060)))
        expect(page.locator("#legend .minutes")).to_have_text("3 of 5 min")
        expect(page.locator("#latest-close")).to_have_text(f"{stored()[LAST + timedelta(minutes=3)][3]:.2f}")
        page.route("**/bars?**", lambda route: route.abort())
        expect(page.get_by_role("status")).to_have_text("The server cannot be reached.")
        correct_bars(tmp_path, 5062)
        page.unroute("**/bars?**")
        expect(page.get_by_role("status")).to_have_text("")
        expect(page.locator("#legend .inside")).to_have_text("1 corrected minute inside")
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
        settle(page)
        requests = []
        page.on("request", lambda request: requests.append(request.url))
        page.wait_for_timeout(400)
        assert requests == []
