"""The layout of all pages: wide and narrow screens, light and dark, print."""

from __future__ import annotations

import re

import pytest
from django.core.management import CommandError, call_command
from playwright.sync_api import expect

from config.testing.builders import bars, ingest, save, write_filled
from config.testing.clocks import utc
from config.testing.life import replace_mappings
from config.testing.web.browser import NARROW, WIDE, open_page
from config.testing.web.chart import LAST, open_series, settle
from marketdata.models import Series

pytestmark = pytest.mark.slow


def test_after_the_login_the_overview_leads_to_a_series(browser, site, reader, mnq):
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2024-01-02"), utc("2024-01-07")))
    with open_page(browser, site) as page:
        page.goto("/")
        page.get_by_label("Username").fill("reader")
        page.get_by_label("Password").fill("secret")
        page.get_by_role("button", name="Log in").click()
        row = page.get_by_role("row", name="mnq CME_MINI:MNQ1!")
        expect(row).to_contain_text("5,000")
        expect(row.get_by_role("img")).to_have_accessible_name("4 of the 5 days to 2024-01-06 have bars")
        row.get_by_role("link").click()
        expect(page).to_have_title("CME_MINI:MNQ1! · Barkeep")
        expect(page.locator("#legend .when")).to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_layout_is_stable_fits_the_width_and_controls_have_names(browser, site, reader, mnq, viewport, scheme):
    with open_page(browser, site, reader=reader, viewport=viewport, color_scheme=scheme) as page:
        page.add_init_script("""window.shift = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({ type: "layout-shift", buffered: true });""")
        for address in ("/", "/series/mnq/", "/runs/1/"):
            page.goto(address)
            settle(page)
            assert page.evaluate("window.shift") < 0.02, address
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], address
            for control in [*page.get_by_role("button").all(), *page.get_by_role("link").all()]:
                expect(control).to_have_accessible_name(re.compile(r"\w"))
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground))) < 200) == (scheme == "dark")


LONG_NAME = ("LONGNAME" * 16)[:128]


@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_longest_names_fit_the_width(browser, site, reader, market_db, tmp_path, width):
    ingest(write_filled(tmp_path / f"{LONG_NAME}.dbn", bars(3)), symbol=LONG_NAME)
    with pytest.raises(CommandError):
        ingest(save(tmp_path / f"{LONG_NAME}-cut.dbn", b"no bars"), symbol=LONG_NAME)
    slug = Series.objects.get(symbol=LONG_NAME).slug
    with open_page(browser, site, reader=reader, viewport={"width": width, "height": 900}) as page:
        for address in ("/", f"/series/{slug}/", "/runs/1/", "/runs/2/", "/admin/marketdata/ingestrun/"):
            page.goto(address)
            settle(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        page.goto("/")
        name = page.get_by_role("rowheader").filter(has_text="mnq").bounding_box()
        assert name["height"] < 40  # one line, whatever the length of the other name


def test_on_a_narrow_screen_a_table_row_is_a_card(browser, site, reader, mnq, tmp_path, capsys):
    ingest(write_filled(tmp_path / "other.dbn", bars(3)), symbol="OTHER")
    call_command("undo_run", 2)
    with open_page(browser, site, reader=reader, viewport=NARROW) as page:
        page.goto("/")
        heights = [row.bounding_box()["height"] for row in page.locator("tbody tr").all()]
        assert len(heights) == 5  # two series, three runs
        assert max(heights) <= 130
        expect(page.get_by_role("row", name="other OTHER")).to_contain_text("Empty: run 3 undid run 2")
        expect(page.locator("[data-label=Removed]:visible")).to_have_text(["3"])


def test_print_has_no_controls(page, mnq):
    open_series(page)
    page.emulate_media(media="print")
    for name in ("Go", "Latest", "Earlier", "Log out"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(page.locator(".top")).to_be_hidden()
    assert page.get_by_role("heading", level=1).bounding_box()["y"] < 20
    page.goto("/runs/1/")
    expect(page.locator(".command code")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
