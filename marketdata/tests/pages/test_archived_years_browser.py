"""The chart of an archived year, and what it shows without the lake."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import expect

from config.testing.builders import MIDNIGHT
from config.testing.database.archive import archive
from config.testing.web.browser import open_page
from config.testing.web.chart import open_series, point_at
from marketdata.models import Bar

pytestmark = pytest.mark.slow


def test_the_chart_shows_an_archived_year(page, mnq, tmp_path):
    stored = dict(Bar.objects.values_list("ts", "volume"))
    archive(2024, tmp_path / "lake", drop=True)
    assert not Bar.objects.exists()
    open_series(page)
    moment = point_at(page, 0.5)
    assert moment > MIDNIGHT
    assert moment in stored
    expect(page.locator("#legend")).to_contain_text(f"{stored[moment]:,}")
    for timeframe in ("5m", "1d"):
        open_series(page, f"?tf={timeframe}")
        assert point_at(page, 0.5) >= MIDNIGHT
    page.goto("/series/mnq/")
    expect(page.locator("#heat button").first).to_be_visible()


def test_the_page_names_the_year_that_cannot_be_read(browser, site, reader, mnq, tmp_path):
    archive(2024, tmp_path / "lake")
    shutil.rmtree(tmp_path / "lake")
    with open_page(browser, site, reader=reader, allowed_error="503") as page:
        page.goto("/series/mnq/")
        expect(page.get_by_role("status").or_(page.locator("#chart-message")).first).to_contain_text(
            "The bars of 2024 are archived, and the lake that has them cannot be read"
        )
        expect(page.locator("#heat button").first).to_be_visible()  # from the hourly rollup
        page.goto("/")
        expect(page.get_by_role("link", name="mnq").first).to_be_visible()
