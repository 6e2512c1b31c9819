"""Contracts in the browser: the links of a short code, the line on a page, the filters of the overview."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from config.testing.contract_series import create_nq_contracts
from config.testing.web.browser import NARROW, NARROWEST, WIDE, open_page

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("viewport", [WIDE, NARROW, NARROWEST], ids=["wide", "narrow", "narrowest"])
def test_a_short_code_leads_to_links_and_a_link_to_the_contract(browser, site, reader, viewport):
    create_nq_contracts()
    with open_page(browser, site, reader=reader, viewport=viewport) as page:
        response = page.goto("/series/NQH5/?zone=UTC")
        assert response.status == 300
        expect(page).to_have_title("NQH5 · Barkeep")
        rows = page.get_by_role("row").filter(has=page.get_by_role("link"))
        expect(rows).to_have_count(2)
        expect(rows.first).to_contain_text("NQH2015")
        expect(rows.first).to_contain_text("2014-06-02")
        expect(rows.last).to_contain_text("2025-03-21")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
        page.get_by_role("link", name="NQH2025").click()
        expect(page).to_have_url(f"{site}/series/nqh2025/?zone=UTC")
        expect(page.locator(".contract")).to_have_text("NQ March 2025 · outright · expired 2025-03-21")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_overview_is_filtered(browser, site, reader, viewport):
    create_nq_contracts()
    with open_page(browser, site, reader=reader, viewport=viewport) as page:
        page.goto("/series/nqm5/")
        expect(page).to_have_url(f"{site}/series/nqm2025/")
        page.goto("/")
        page.get_by_label("Product").select_option("NQ")
        page.get_by_label("Kind").select_option("spread")
        page.get_by_role("button", name="Find").click()
        series = page.get_by_role("table", name="Series").get_by_role("rowheader")
        expect(series).to_have_text(["nqh2025-nqm2025 NQH2025-NQM2025"])
        expect(page.get_by_label("Kind")).to_have_value("spread")
        assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
