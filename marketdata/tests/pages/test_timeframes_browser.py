"""Candles of other timeframes."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from config.testing.builders import bars, ingest, stored, write_filled
from config.testing.web.chart import LAST, go_to, open_series, point_at, read_address_time, settle

pytestmark = pytest.mark.slow


def test_candles_aggregate_the_stored_bars(page, mnq):
    open_series(page)
    expect(page.locator("#legend .minutes")).to_have_count(0)
    page.get_by_text("1h", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text(re.compile(f"{LAST:%a %Y-%m-%d %H}:00 UTC"))
    expect(page.locator("#legend .minutes")).to_have_text("20 of 60 min")
    settle(page)
    assert point_at(page, 0.5).minute == 0

    page.get_by_text("1d", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05")
    day = [values for time, values in sorted(stored().items()) if time >= datetime(2024, 1, 4, 23, tzinfo=UTC)]
    expect(page.locator("#legend .open")).to_have_text(f"O{day[0][0]:.2f}")
    expect(page.locator("#legend .volume")).to_have_text(f"Vol{sum(values[4] for values in day):,}")
    expect(page.locator("#legend .minutes")).to_have_text(f"{len(day):,} of 1,380 min")
    expect(page.get_by_role("radio", name="UTC")).to_be_disabled()
    go_to(page, "2024-01-03")
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03")
    page.reload()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03")
    expect(page.get_by_label("1d")).to_be_checked()


@pytest.mark.slow
def test_a_change_of_timeframe_keeps_the_time(page, mnq):
    open_series(page)
    go_to(page, "2024-01-03")
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 00:00 UTC")
    settle(page)
    page.get_by_text("1h", exact=True).click()
    expect(page).to_have_url(re.compile("timeframe=1h"))
    moment = read_address_time(page)
    assert datetime(2024, 1, 3, 11, tzinfo=UTC) < moment < datetime(2024, 1, 3, 13, 59, tzinfo=UTC)
    expect(page.locator("#legend .when")).to_have_text(f"Wed 2024-01-03 {moment:%H}:00 UTC")
    page.get_by_text("4h", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 11:00 UTC")
    settle(page)
    page.goto(f"/series/mnq/?from={moment:%Y-%m-%dT%H:%M}Z")
    settle(page)
    page.get_by_text("1d", exact=True).click()
    # The middle of the day that begins with the moment is after midnight, before the end of the trading day.
    expect(page.locator("#legend .when")).to_have_text("Thu 2024-01-04")
    page.get_by_text("1m", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text(f"{read_address_time(page):%a %Y-%m-%d %H:%M} UTC")
    page.get_by_text("1w", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Mon 2024-01-01")


def test_a_date_leads_to_the_candle_that_contains_it(page, mnq, tmp_path):
    ingest(write_filled(tmp_path / "monday.dbn", bars(300, first=5 * 24 * 60 + 23 * 60)))
    page.goto("/series/mnq/?timeframe=1w")
    for day, when in (("2024-01-04", "Mon 2024-01-01"), ("2024-01-08", "Mon 2024-01-08")):
        go_to(page, day)
        expect(page.locator("#legend .when")).to_have_text(when)
        expect(page.get_by_role("status")).to_have_text("")
    page.get_by_text("1d", exact=True).click()
    for day, when, message in (
        ("2024-01-06", "Mon 2024-01-08", "No bars on 2024-01-06: the nearest are shown."),
        ("2024-01-07", "Mon 2024-01-08", ""),  # Monday's session begins on Sunday evening
        ("2024-01-03", "Wed 2024-01-03", ""),
    ):
        go_to(page, day)
        expect(page.locator("#legend .when")).to_have_text(when)
        expect(page.get_by_role("status")).to_have_text(message)
        expect(page.get_by_label("Go to")).to_have_value(day)


def test_a_gap_is_shown_in_minute_bars(page, mnq):
    page.goto("/series/mnq/?timeframe=4h")
    expect(page.locator("#legend .minutes")).not_to_be_empty()
    page.get_by_role("button", name="Wed 2024-01-03 09:20 to 10:20 UTC 1 h").click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 10:20 UTC")
    expect(page.get_by_label("1m")).to_be_checked()
