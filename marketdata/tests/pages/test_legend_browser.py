"""The legend of the chart, by mouse, touch and keyboard."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from playwright.sync_api import expect

from config.testing.builders import bars, ingest, stored, together, write_filled
from config.testing.web.browser import NARROW, open_page
from config.testing.web.chart import LAST, go_to, open_series, point_at, read_legend_time, write_recent_bars
from marketdata.models import Series

pytestmark = pytest.mark.slow


def test_the_legend_shows_the_candle_under_the_crosshair(page, mnq):
    open_series(page)
    values = stored()
    times = {point_at(page, share) for share in (0.2, 0.5, 0.8)}
    assert len(times) == 3
    for share in (0.3, 0.6):
        time = point_at(page, share)
        legend = {name: page.locator(f"#legend .{name}").inner_text() for name in ("open", "high", "low", "close")}
        expected = dict(zip(legend, (f"{price:.2f}" for price in values[time][:4]), strict=True))
        assert {name: text[1:].strip() for name, text in legend.items()} == expected
        assert page.locator("#legend .volume").inner_text() == f"Vol{values[time][4]:,}"


def test_the_keyboard_moves_from_bar_to_bar(page, mnq):
    open_series(page)
    page.locator("#chart").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    time = LAST - timedelta(minutes=2)
    expect(page.locator("#legend .when")).to_have_text(f"{time:%a %Y-%m-%d %H:%M} UTC")
    expect(page.locator("#spoken")).to_contain_text(f"{time:%Y-%m-%d %H:%M} UTC: open")
    page.locator("#heat [tabindex='0']").focus()
    for key in ("ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 23:00 UTC")


def test_keys_choose_the_timeframe_and_days_have_no_time_zone(page, mnq):
    open_series(page)
    expect(page.get_by_title("trading date")).to_have_count(0)
    page.locator("#chart").focus()
    page.keyboard.press("7")
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05")
    expect(page.get_by_label("1d")).to_be_checked()
    assert "trading date" in page.locator("label", has_text="Exchange").get_attribute("title")
    page.keyboard.press("1")
    expect(page.locator("#legend .when")).to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")


def test_a_forming_candle_is_labelled(page, market_db, tmp_path):
    Series.objects.create(slug="now", symbol="NOW")
    ingest(write_recent_bars(tmp_path), symbol="NOW")
    page.goto("/series/now/?timeframe=1w")
    expect(page.locator("#legend .forming")).to_have_text("still forming")
    page.get_by_text("1m", exact=True).click()
    expect(page.locator("#legend .forming")).to_have_count(0)


def test_a_tap_shows_the_values_of_a_bar(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader, viewport=NARROW, has_touch=True, is_mobile=True) as page:
        open_series(page)
        page.locator("#chart").scroll_into_view_if_needed()
        box = page.locator("#chart").bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3)
        expect(page.locator("#legend .when")).not_to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")
        values = stored()[read_legend_time(page)]
        expect(page.locator("#legend .close")).to_have_text(f"C{values[3]:.2f}")


def test_minutes_outside_regular_hours_are_counted(page, market_db, tmp_path):
    Series.objects.create(slug="aapl", symbol="AAPL", calendar="NYSE", dataset="XNAS.ITCH")
    early, day = bars(14, first=1440 + 8 * 60), bars(500, first=1440 + 13 * 60)
    changes = {"symbols": ("AAPL",), "mappings": {}}
    ingest(write_filled(tmp_path / "aapl.dbn", together(early, day), **changes), symbol="AAPL")
    page.goto("/series/aapl/?timeframe=1d")
    expect(page.locator("#legend .minutes")).to_have_text("514 min (390 regular)")
    page.goto("/series/aapl/?timeframe=1h&from=2024-01-03T08:00Z")
    expect(page.locator("#legend .minutes")).to_have_text("14 min, outside regular hours")


def test_the_change_is_from_the_previous_close(page, mnq):
    open_series(page)
    values = stored()
    before, last = values[LAST - timedelta(minutes=1)][3], values[LAST][3]
    change = f"{last - before:+.2f} ({(last - before) / before * 100:+.2f}%)"
    expect(page.locator("#legend .change")).to_have_text(change.replace("-", "−"))
    go_to(page, "2024-01-02")
    expect(page.locator("#legend .change")).to_have_text(re.compile(r"^\+0.25 \(\+0.00%\) from open$"))
