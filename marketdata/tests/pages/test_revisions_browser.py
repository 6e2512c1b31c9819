"""Corrected bars on the chart."""

from __future__ import annotations

import re
from datetime import timedelta
from itertools import pairwise

import pytest
from playwright.sync_api import expect

from config.testing.builders import bars, ingest, stored, write_filled
from config.testing.web.browser import open_page
from config.testing.web.chart import LAST, correct_bars, go_to, open_series, settle

pytestmark = pytest.mark.slow


def test_a_corrected_bar_shows_its_earlier_values(page, mnq, tmp_path):
    before = stored()[LAST]
    corrected = bars(1, first=5059)
    corrected["volume"] += 7
    ingest(write_filled(tmp_path / "corrected.dbn", corrected))
    open_series(page)
    earlier = page.locator("#legend .before")
    expect(earlier).to_have_text(
        f"Until run 2O{before[0]:.2f} H{before[1]:.2f} L{before[2]:.2f} C{before[3]:.2f} Vol{before[4]:,} (run 1)"
    )
    expect(earlier.locator("b").first).to_have_text("Until run 2")  # a label, which has space after it
    expect(earlier.locator(".changed")).to_have_text([f"Vol{before[4]:,}"])  # values that differ are highlighted
    page.locator("#chart").focus()
    page.keyboard.press("ArrowLeft")
    expect(earlier).to_have_count(0)
    page.get_by_text("5m", exact=True).click()
    expect(page.locator("#legend .minutes")).not_to_be_empty()
    expect(earlier).to_have_count(0)
    expect(page.locator("#legend .inside")).to_have_text("1 corrected minute inside")


@pytest.mark.slow
def test_revisions_are_requested_once_and_again_after_a_failure(browser, site, reader, mnq, tmp_path):
    correct_bars(tmp_path, *range(5050, 5060), *range(100, 110))
    with open_page(browser, site, reader=reader, allowed_error="ERR_FAILED") as page:
        ranges, failing = [], [True]

        def limit_page(route):
            url = route.request.url
            if failing:
                route.abort()
                return
            ranges.append(re.search(r"start=([^&]*)&end=([^&]*)", url).groups())
            route.continue_(url=url.replace("limit=10000", "limit=3"))

        page.route("**/revisions?**", limit_page)
        open_series(page)
        expect(page.get_by_role("status")).to_have_text("The server cannot be reached.")
        expect(page.locator("#legend .before")).to_have_count(0)
        failing.clear()
        page.get_by_role("button", name="Latest").click()
        expect(page.locator("#legend .before")).to_have_count(1)
        expect(page.get_by_role("status")).to_have_text("")
        settle(page)
        first = ranges[0]
        assert ranges == [first] * 4  # ten revisions, three per page
        page.locator("#chart").focus()
        for _ in range(4):
            page.keyboard.press("Home")
            settle(page)
        later = sorted(set(ranges[4:]))
        assert len(later) > 1
        assert later[-1][1] == first[0]
        assert all(one[1] == other[0] for one, other in pairwise(later))
        page.keyboard.press("End")
        expect(page.locator("#legend .before")).to_have_count(1)
        page.keyboard.press("1")
        go_to(page, "2024-01-02")
        expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 00:00 UTC")
        page.get_by_text("15m", exact=True).click()
        page.get_by_text("1h", exact=True).click()
        expect(page.locator("#legend .minutes")).to_have_text("60 of 60 min")
        settle(page)
        page.locator("#chart").focus()
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        expect(page.locator("#legend .inside")).to_have_text("10 corrected minutes inside")


def test_too_many_revisions_are_reported(page, mnq, tmp_path):
    correct_bars(tmp_path, *range(4900, 5060))
    page.route(
        "**/revisions?**", lambda route: route.continue_(url=route.request.url.replace("limit=10000", "limit=2"))
    )
    page.goto("/series/mnq/?timeframe=1h")
    expect(page.locator("#legend .inside")).to_have_text("at least 9 corrected minutes inside")
    since = LAST - timedelta(minutes=8)
    expect(page.get_by_role("status")).to_have_text(
        f"Corrected minutes before {since:%a %Y-%m-%d %H:%M} UTC are not shown: there are too many."
    )
    page.locator("#chart").focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#legend .inside")).to_have_text("corrected minutes not counted")
