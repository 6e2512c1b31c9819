"""The dates that the page accepts, in UTC, in the exchange's time zone, and as trading dates."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from config.testing.builders import bars, ingest, together, write_filled
from config.testing.web.browser import open_page
from config.testing.web.chart import go_to, open_series, settle

pytestmark = pytest.mark.slow

DAY, HOUR = 1440, 60


@pytest.fixture
def until_midnight(market_db, tmp_path):
    """Bars until 23:59 UTC, as in the vendor's daily files: the last hour is on the next trading date, 5 January.

    The first bar is on Tuesday at 23:30 UTC, on the trading date of Wednesday.
    """
    ingest(write_filled(tmp_path / "mnq.dbn", bars(2 * DAY + 30, first=23 * HOUR + 30)))


def read_field(page: Page) -> tuple[str, str, str, bool]:
    """Minimum, maximum and value of the date field, and whether the browser accepts the value."""
    return tuple(page.get_by_label("Go to").evaluate("one => [one.min, one.max, one.value, one.checkValidity()]"))


def read_validity(page: Page, date: str) -> bool:
    return page.get_by_label("Go to").evaluate("(one, date) => { one.value = date; return one.checkValidity(); }", date)


def test_go_leads_to_the_last_trading_date(page, until_midnight):
    page.goto("/series/mnq/?timeframe=1d")
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05")
    assert read_field(page) == ("2024-01-02", "2024-01-05", "2024-01-05", True)
    go_to(page, "2024-01-03")
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03")
    go_to(page, "2024-01-05")
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05")
    expect(page.get_by_role("status")).to_have_text("")


@pytest.mark.parametrize("timeframe", ["1m", "5m", "1h", "4h", "1d", "1w"])
def test_the_date_that_the_field_shows_is_accepted(page, until_midnight, timeframe):
    open_series(page, f"?timeframe={timeframe}")
    for choose in ("Exchange America/Chicago", "UTC"):
        if timeframe not in ("1d", "1w"):
            page.get_by_text(choose, exact=True).click()
        for day in page.locator("#heat button").all():
            day.click()
            settle(page)
            assert read_field(page)[3], (timeframe, choose, read_field(page))
        page.get_by_role("button", name="Latest").click()
        settle(page)
        assert read_field(page)[3], (timeframe, choose, read_field(page))
        page.get_by_role("button", name="Go", exact=True).click()
        settle(page)
        expect(page.get_by_role("status")).to_have_text("")


def test_the_field_follows_the_clock(page, until_midnight):
    open_series(page)
    assert read_field(page) == ("2024-01-02", "2024-01-05", "2024-01-04", True)
    page.get_by_role("button", name="Thu 4 Jan 2024").click()
    expect(page.get_by_label("Go to")).to_have_value("2024-01-03")  # it begins on the evening before
    go_to(page, "2024-01-04")
    expect(page.locator("#legend .when")).to_have_text("Thu 2024-01-04 00:00 UTC")
    page.get_by_text("Exchange America/Chicago").click()
    expect(page.get_by_label("Go to")).to_have_value("2024-01-03")
    go_to(page, "2024-01-02")  # the first bar is on Tuesday at 17:30 in Chicago
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 17:30 CST")
    expect(page.get_by_role("status")).to_have_text("")
    assert not read_validity(page, "2024-01-01")
    assert not read_validity(page, "2024-01-06")


def test_the_first_date_of_the_exchange_can_be_before_that_of_utc(page, market_db, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", bars(20 * HOUR, first=2 * HOUR)))
    open_series(page)
    page.get_by_text("Exchange America/Chicago").click()
    go_to(page, "2024-01-01")
    expect(page.locator("#legend .when")).to_have_text("Mon 2024-01-01 20:00 CST")
    expect(page.get_by_role("status")).to_have_text("")


def test_the_clock_of_an_exchange_east_of_utc(page, market_db, tmp_path, set_calendar):
    """NSE trades from 09:15 to 15:30 in Kolkata, from 03:45 to 10:00 UTC. One bar is of the next date there."""
    set_calendar("NSE")
    opening = 3 * HOUR + 45
    ingest(write_filled(tmp_path / "mnq.dbn", together(bars(375, first=opening), bars(1, first=20 * HOUR))))
    open_series(page)
    page.get_by_text("Exchange Asia/Calcutta").click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 01:30 GMT+5:30")
    assert read_field(page) == ("2024-01-02", "2024-01-03", "2024-01-03", True)
    go_to(page, "2024-01-02")
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 09:15 GMT+5:30")
    expect(page.get_by_role("button", name="Tue 2 Jan 2024: 375 of 375 minutes")).to_be_visible()
    go_to(page, "2024-01-03")
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 01:30 GMT+5:30")


def test_a_link_without_an_offset_is_in_utc(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader, timezone_id="Asia/Tokyo") as page:
        for time in ("2024-01-03T09:05", "2024-01-03T09:05Z", "2024-01-03T03:05:00-06:00", "2024-01-03%2009:05"):
            page.goto(f"/series/mnq/?from={time}")
            expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 09:05 UTC")
            expect(page.get_by_label("Go to")).to_have_value("2024-01-03")


def test_bars_of_a_new_day_extend_the_field(page, mnq, tmp_path):
    page.add_init_script("""{
        const real = window.setInterval;
        window.setInterval = (work, interval) => real(work, interval === 30_000 ? 100 : interval);
    }""")
    page.goto("/series/mnq/?timeframe=1h")
    expect(page.locator("#legend .minutes")).to_have_text("20 of 60 min")
    assert read_field(page)[1] == "2024-01-05"
    ingest(write_filled(tmp_path / "more.dbn", bars(3, first=6 * DAY + 5)))
    expect(page.locator("#legend .when")).to_have_text(re.compile("^Mon 2024-01-08"))
    expect(page.get_by_label("Go to")).to_have_attribute("max", "2024-01-08")
    expect(page.get_by_label("Go to")).to_have_value("2024-01-08")
