"""What a series' page remembers: it stays while it is true, and no longer."""

from __future__ import annotations

import re
from datetime import date

import pytest
from playwright.sync_api import Page, expect

from config.testing.builders import FRONT, at, bars, ingest, together, write_filled
from config.testing.web.browser import open_page
from config.testing.web.chart import LAST, go_to, open_series, settle

pytestmark = pytest.mark.slow

DAY = 1440


def wait_for_pending(page: Page, count: int) -> None:
    """Wait until this number of requests is pending."""
    page.evaluate(
        "async (count) => { while (window.pendingRequests !== count) await new Promise(requestAnimationFrame); }", count
    )


def test_the_day_that_the_chart_shows_stays_pressed(page, market_db, tmp_path):
    mappings = {"MNQ.c.0": [(date(2023, 1, 1), date(2024, 2, 1), FRONT)]}
    records = together(bars(60, first=-52 * 7 * DAY), bars(2 * DAY))
    ingest(write_filled(tmp_path / "mnq.dbn", records, mappings=mappings, start=at(0, day=date(2023, 1, 1))))
    open_series(page)
    pressed = page.locator("#heat [aria-pressed=true]")
    expect(pressed).to_have_count(0)
    page.get_by_role("button", name="Wed 3 Jan 2024").click()
    expect(pressed).to_have_accessible_name("Wed 3 Jan 2024: 1,380 of 1,380 minutes, 60 bars while closed")
    page.get_by_role("button", name="Earlier").click()
    expect(page.get_by_role("button", name="Tue 3 Jan 2023")).to_be_visible()
    expect(pressed).to_have_count(0)
    page.get_by_role("button", name="Later").click()
    expect(pressed).to_have_count(1)
    page.reload()
    expect(pressed).to_have_count(1)
    page.get_by_role("button", name="Latest").click()
    expect(pressed).to_have_count(0)


def test_a_day_that_cannot_be_loaded_is_not_pressed(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader, allowed_error="503") as page:
        open_series(page)
        page.route("**/bars?**", lambda route: route.fulfill(status=503, json={"detail": "Busy."}))
        page.get_by_role("button", name="Wed 3 Jan 2024").click()
        expect(page.get_by_role("status")).to_have_text("Busy.")
        expect(page.locator("#heat [aria-pressed=true]")).to_have_count(0)


def test_an_outdated_year_is_not_drawn(page, market_db, tmp_path):
    mappings = {"MNQ.c.0": [(date(2023, 1, 1), date(2024, 2, 1), FRONT)]}
    records = together(bars(60, first=-52 * 7 * DAY), bars(2 * DAY))
    ingest(write_filled(tmp_path / "mnq.dbn", records, mappings=mappings, start=at(0, day=date(2023, 1, 1))))
    open_series(page)
    waiting = []
    page.route("**/coverage?**", lambda route: waiting.append(route))
    page.get_by_role("button", name="Earlier").click()
    page.get_by_role("button", name="Later").click()
    wait_for_pending(page, 2)
    earlier, later = waiting
    later.continue_()
    wait_for_pending(page, 1)
    earlier.continue_()
    settle(page)
    expect(page.get_by_role("button", name="Wed 3 Jan 2024")).to_be_visible()
    expect(page.locator("#coverage-range")).to_have_text("2023-01-09 to 2024-01-07")


def test_gaps_stay_where_they_are_in_another_time_zone(page, market_db, tmp_path):
    """150 gaps of one minute each."""
    ingest(write_filled(tmp_path / "mnq.dbn", together(*(bars(1, first=2 * number) for number in range(151)))))
    open_series(page)
    box, gaps = page.locator("#gaps"), page.locator("#gaps li button")
    expect(gaps).to_have_count(100)
    page.get_by_role("button", name="Show 50 more of 50").click()
    expect(gaps).to_have_count(150)
    box.evaluate("box => (box.scrollTop = 700)")
    page.get_by_text("Exchange America/Chicago").click()
    expect(gaps.first).to_contain_text("CST")
    expect(gaps).to_have_count(150)
    assert box.evaluate("box => box.scrollTop") == 700
    page.get_by_label("Order").select_option("newest first")  # another list: it starts at its top
    assert box.evaluate("box => box.scrollTop") == 0
    expect(gaps).to_have_count(100)


def test_no_gaps_are_reported_before_they_are_known(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader, allowed_error="503") as page:
        page.route("**/coverage?**", lambda route: route.fulfill(status=503, json={"detail": "Busy."}))
        page.goto("/series/mnq/")
        expect(page.locator("#gaps")).to_have_text("Busy.")
        page.get_by_text("Market closed").click()
        page.get_by_label("Order").select_option("newest first")
        page.get_by_text("Exchange America/Chicago").click()
        expect(page.locator("#gaps")).to_have_text("Busy.")
        expect(page.locator("#gap-count")).to_have_text("")


def test_an_outdated_change_of_timeframe_keeps_no_moment(page, mnq):
    """Hours of 3 January are requested, then the latest ones, and only then both arrive."""
    open_series(page)
    go_to(page, "2024-01-03")
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 00:00 UTC")
    settle(page)
    waiting = []
    page.route("**/ohlcv-1h/bars?**", lambda route: waiting.append(route))
    page.get_by_text("1h", exact=True).click()
    page.get_by_role("button", name="Latest").click()
    wait_for_pending(page, 3)
    for route in reversed(waiting):
        route.continue_()
    expect(page.locator("#legend .when")).to_have_text(f"{LAST:%a %Y-%m-%d %H}:00 UTC")
    settle(page)
    page.get_by_text("5m", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05 12:15 UTC")


def test_a_released_pointer_that_the_page_did_not_see_is_forgotten(page, mnq):
    """A menu of the browser or another window gets the release. Newer bars are loaded even so."""
    open_series(page)
    go_to(page, "2024-01-02")
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 00:00 UTC")
    settle(page)
    page.locator("#chart").dispatch_event("pointerdown", {"pointerType": "mouse"})
    page.locator("#chart").press("End")
    settle(page)
    pressed = page.locator("#legend .when").inner_text()
    page.locator("#chart").press("End")
    expect(page.locator("#legend .when")).to_have_text(pressed)
    page.evaluate("dispatchEvent(new Event('blur'))")
    settle(page)
    page.locator("#chart").press("End")
    expect(page.locator("#legend .when")).not_to_have_text(pressed)


@pytest.mark.parametrize(
    ("keys", "when"),
    [
        (("End",), "Thu 2024-01-04 11:19"),
        (("End", "ArrowLeft", "ArrowRight"), "Thu 2024-01-04 11:19"),
        (("End", "End"), "Fri 2024-01-05 12:19"),
        (("End", "End", "Home"), "Tue 2024-01-02 00:00"),
    ],
)
def test_the_cursor_of_the_keys_stays_where_it_moves(page, mnq, keys, when):
    """After the jump 3,500 minutes are loaded, and more as soon as the cursor is at their end."""
    open_series(page)
    go_to(page, "2024-01-02")
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 00:00 UTC")
    settle(page)
    for key in keys:
        page.locator("#chart").press(key)
        settle(page)
    expect(page.locator("#legend .when")).to_have_text(f"{when} UTC")
    before = page.locator("#legend .open").inner_text()
    page.get_by_text("Exchange America/Chicago").click()
    expect(page.locator("#legend .when")).to_have_text(re.compile("CST$"))
    settle(page)
    assert page.locator("#legend .open").inner_text() == before
