"""The switch between all and regular hours, on the page of a series."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from config.testing.clocks import NEW_YORK, NYSE, utc
from config.testing.rollup import bar_row, copy_bars
from config.testing.rows import RUNS, insert
from config.testing.web.browser import open_page
from config.testing.web.chart import open_series, settle
from marketdata.models import Series

pytestmark = pytest.mark.slow


@pytest.fixture
def share(market_db) -> Series:
    """Bars from 08:00 to 18:00 in New York on Monday and Tuesday; 10:00 to 10:30 on Tuesday is missing."""
    insert(RUNS, id=1)
    series = Series.objects.create(slug="share", symbol="SHARE", kind="equity", calendar=NYSE)
    starts = [utc(f"2024-07-0{day} 08:00", NEW_YORK) for day in (8, 9)]
    times = [start + timedelta(minutes=minute) for start in starts for minute in range(600)]
    missing = utc("2024-07-09 10:00", NEW_YORK)
    copy_bars(bar_row("SHARE", ts, 5) for ts in times if not missing <= ts < missing + timedelta(minutes=30))
    return series


def expect_hours(page: Page, name: str, last: str, tuesday: str) -> None:
    expect(page.get_by_role("radio", name=name)).to_be_checked()
    expect(page.locator("#legend .when")).to_have_text(last)
    expect(page.locator("#heat-measure")).to_contain_text(f"NYSE ({name.lower()}):")
    expect(page.locator("#heat").get_by_role("button", name="Tue 9 Jul 2024")).to_have_attribute("title", tuesday)
    settle(page)


ALL = (
    "All hours",
    "Tue 2024-07-09 21:59 UTC",
    "Tue 9 Jul 2024: 360 of 390 minutes, 210 bars in extended hours, missing",
)
REGULAR = ("Regular hours", "Tue 2024-07-09 19:59 UTC", "Tue 9 Jul 2024: 360 of 390 minutes, missing")


def test_the_switch_shows_regular_hours_and_keeps_them_in_the_address(page, share):
    page.goto("/series/share/")
    expect_hours(page, *ALL)
    page.get_by_text("Regular hours", exact=True).click()
    expect_hours(page, *REGULAR)
    expect(page).to_have_url(re.compile(r"\?session=regular$"))
    page.reload()
    expect_hours(page, *REGULAR)
    page.get_by_text("1d", exact=True).click()
    expect(page.locator("#legend .minutes")).to_have_text("360 of 390 min")
    expect(page).to_have_url(re.compile(r"session=regular&timeframe=1d$"))
    page.get_by_text("All hours", exact=True).click()
    expect(page.locator("#legend .minutes")).to_have_text("570 min (390 regular)")
    expect(page).to_have_url(re.compile(r"/\?timeframe=1d$"))
    expect(page.locator("#heat-measure")).to_contain_text("(all hours)")


def test_a_gap_of_regular_hours_is_shown(page, share):
    page.goto("/series/share/?session=regular&timeframe=1h")
    page.get_by_role("button", name="Tue 2024-07-09 14:00 to 14:30 UTC 30 min").click()
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-07-09 14:30 UTC")
    expect(page.get_by_role("radio", name="Regular hours")).to_be_checked()


def test_a_failed_request_keeps_the_hours_of_the_chart(browser, site, reader, share):
    with open_page(browser, site, reader=reader, allowed_error="429") as page:
        page.goto("/series/share/")
        expect_hours(page, *ALL)
        page.route("**/ohlcv-1m/bars?*session=regular*", lambda route: route.fulfill(status=429, body="{}"))
        page.get_by_text("Regular hours", exact=True).click()
        expect(page.get_by_role("status")).to_contain_text("Too many requests")
        expect_hours(page, *ALL)
        expect(page).to_have_url(re.compile("/series/share/$"))


def test_a_series_without_regular_bars_can_show_all_hours_again(page, share):
    Series.objects.create(slug="early", symbol="EARLY", kind="equity", calendar=NYSE)
    copy_bars([bar_row("EARLY", utc("2024-07-09 08:00", NEW_YORK), 5)])
    page.goto("/series/early/?session=regular")
    expect(page.get_by_role("status")).to_have_text("The series has no bars in regular hours: choose all hours.")
    page.get_by_text("All hours", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-07-09 12:00 UTC")


def test_an_exchange_without_extended_hours_has_no_switch(page, mnq):
    open_series(page, "?session=regular")
    expect(page.locator("[name=session]")).to_have_count(0)
    expect(page.locator("#heat-measure")).to_have_text("Open minutes with a bar, by trading day of CME Globex Equity:")


def test_another_value_in_the_address_shows_all_hours(page, share):
    page.goto("/series/share/?session=extended")
    expect_hours(page, *ALL)
    expect(page).to_have_url(re.compile("/series/share/$"))
