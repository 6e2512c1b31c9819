"""The page of downloads in the browser: from a plan to bars, with a button that names the dollars."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import expect

from .jobs import run_jobs


def shoot(page, name):
    """Keep a picture of the page where BARKEEP_PICTURES names a folder."""
    if folder := os.environ.get("BARKEEP_PICTURES"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


@pytest.mark.slow
def test_a_plan_becomes_bars(page, historical):
    page.goto("/downloads/")
    row = page.get_by_role("row", name="mnq")
    row.get_by_label("Start").fill("2024-03-04")
    row.get_by_label("End, not included").fill("2024-03-06")
    shoot(page, "downloads-empty")
    row.get_by_role("button", name="Plan and price").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Price what is missing in mnq waiting")
    run_jobs()
    button = page.get_by_role("button", name=re.compile(r"Buy 1 request for USD 0\.\d+"))
    expect(button).to_be_visible()  # without a reload
    shoot(page, "downloads-plan")
    assert historical.purchases == []

    button.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Backfill mnq waiting")
    run_jobs()
    expect(page.get_by_role("main")).to_contain_text("It started run 1 success")
    shoot(page, "downloads-filled")
    page.get_by_role("link", name="Downloads").first.click()
    expect(page.get_by_role("region", name="Requests")).to_contain_text("stored")
    expect(page.get_by_role("region", name="Spend")).to_contain_text("of USD 100.00")
    shoot(page, "downloads")
    page.get_by_role("link", name="mnq").first.click()
    expect(page.locator("#heat button").first).to_be_visible()
    page.locator("#gap-order").scroll_into_view_if_needed()
    expect(page.locator("#gaps .verdict").first).to_have_text(re.compile("no trade|closed"))
    shoot(page, "series")
