"""A page works without what a browser may refuse, lack or fail to load. It reports what is missing."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from config.testing.web.browser import open_page
from config.testing.web.chart import LAST, go_to, open_series, settle

pytestmark = pytest.mark.slow

THROW = "{ throw new DOMException('denied', 'SecurityError') }"
MISSING = {
    "storage refused": f"Object.defineProperty(window, 'localStorage', {{ get() {THROW} }})",
    "no storage": "Object.defineProperty(window, 'localStorage', { value: null })",
    "storage full": f"Storage.prototype.setItem = () => {THROW}",
    "no session storage": f"Object.defineProperty(window, 'sessionStorage', {{ get() {THROW} }})",
    "no media queries": "delete window.matchMedia",
    "no reports of media": "delete MediaQueryList.prototype.addEventListener",
    "no ResizeObserver": "for (const name of ['ResizeObserver', 'IntersectionObserver']) delete window[name]",
    "no idle time": "delete window.requestIdleCallback",
    "no channels": "delete window.BroadcastChannel",
    "no clipboard": "Object.defineProperty(navigator, 'clipboard', { value: undefined })",
    "address refused": f"history.replaceState = history.pushState = () => {THROW}",
    "no Intl": "delete window.Intl",
    "cookies refused": f"Object.defineProperty(document, 'cookie', {{ get() {THROW}, set() {THROW} }})",
    "no service workers": "Object.defineProperty(navigator, 'serviceWorker', { value: undefined })",
}


def expect_working(page: Page) -> None:
    """The chart has candles and moves, and heat map and gaps lead to places in it."""
    open_series(page)
    expect(page.locator("#legend .when")).to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")
    go_to(page, "2024-01-03")
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 00:00 UTC")
    page.get_by_role("button", name="Wed 3 Jan 2024").click()
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 23:00 UTC")
    page.locator("#gaps li button").first.click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 10:20 UTC")
    page.get_by_text("1h", exact=True).click()
    expect(page.locator("#legend .minutes")).not_to_be_empty()
    expect(page.locator("#chart-status")).to_have_text("")
    settle(page)


@pytest.mark.parametrize("name", MISSING)
def test_a_series_page_works_without(browser, site, reader, mnq, name):
    with open_page(browser, site, reader=reader) as page:
        page.add_init_script(MISSING[name])
        expect_working(page)


def test_the_chart_follows_the_window_when_the_browser_does_not_report_its_size(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader) as page:
        page.add_init_script(MISSING["no ResizeObserver"])
        open_series(page)
        for width in (800, 1200):
            page.set_viewport_size({"width": width, "height": 800})
            settle(page)
            inner, outer = (page.locator(f"#chart{part}").bounding_box() for part in (" table", ""))
            assert inner["width"] == pytest.approx(outer["width"], abs=3)


def test_the_choice_of_the_clock_is_kept_only_with_storage(browser, site, reader, mnq):
    for init, chosen in (("", "America/Chicago"), (MISSING["storage refused"], "UTC")):
        with open_page(browser, site, reader=reader) as page:
            page.add_init_script(init)
            open_series(page)
            page.get_by_text("Exchange America/Chicago").click()
            expect(page.locator("#legend .when")).to_have_text(re.compile("CST$"))
            page.reload()
            expect(page.locator("#legend .when")).not_to_be_empty()
            assert page.locator("[name=zone]:checked").get_attribute("value") == chosen


def test_a_time_zone_that_the_browser_lacks_cannot_be_chosen(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader) as page:
        page.add_init_script("""
            const Real = Intl.DateTimeFormat;
            Intl.DateTimeFormat = function (locale, options) {
                if (options?.timeZone === "America/Chicago") throw new RangeError("Invalid time zone specified");
                return new Real(locale, options);
            };
            localStorage.setItem("barkeep-clock", "exchange");
        """)
        expect_working(page)
        exchange = page.get_by_role("radio", name="Exchange America/Chicago")
        expect(exchange).to_be_disabled()
        expect(exchange).to_have_attribute("title", "This browser does not know the time zone America/Chicago.")
        page.get_by_text("1d", exact=True).click()
        expect(page.locator("#legend .dated")).not_to_be_empty()
        page.get_by_text("1h", exact=True).click()
        expect(page.locator("#legend .minutes")).to_have_text(re.compile("of 60 min"))
        expect(exchange).to_be_disabled()


def test_without_the_chart_library_coverage_and_gaps_are_shown(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader, allowed_error="ERR_FAILED") as page:
        page.route("**/lightweight-charts*", lambda route: route.abort())
        page.goto("/series/mnq/")
        expect(page.get_by_role("status")).to_have_text(
            "There is no chart, since its library could not be loaded: reload the page."
        )
        expect(page.locator("#heat button")).to_have_count(4)
        page.get_by_role("button", name="Wed 3 Jan 2024").click()
        page.get_by_text("Exchange America/Chicago").click()
        page.get_by_role("button", name="Wed 2024-01-03 03:20 to 04:20 CST 1 h").click()
        expect(page.get_by_role("button", name="Go", exact=True)).to_be_disabled()
        expect(page.get_by_label("1h")).to_be_disabled()
        expect(page.locator("#not-started")).to_be_hidden()


@pytest.mark.parametrize("context", ["null", "{ throw new Error('no canvas') }"])
def test_without_a_canvas_coverage_and_gaps_are_shown(browser, site, reader, mnq, context):
    with open_page(browser, site, reader=reader, allowed_error="no canvas") as page:
        page.add_init_script(f"HTMLCanvasElement.prototype.getContext = () => {context}")
        page.goto("/series/mnq/")
        expect(page.get_by_role("status")).to_have_text("There is no chart, since this browser cannot draw it.")
        expect(page.locator("#heat button")).to_have_count(4)
        expect(page.locator("#gaps li button")).to_have_count(1)


@pytest.mark.parametrize("module", ["series/page.js", "coverage/gap_texts.js", "chart/marks.js"])
def test_a_module_that_does_not_load_is_reported(browser, site, reader, mnq, module):
    with open_page(browser, site, reader=reader, allowed_error="ERR_FAILED") as page:
        page.route(f"**/{module}", lambda route: route.abort())
        page.goto("/series/mnq/")
        expect(page.get_by_role("alert")).to_contain_text("could not be loaded: reload the page.")


def test_without_the_style_sheets_the_chart_is_drawn(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader, allowed_error="ERR_FAILED") as page:
        page.route("**/*.css", lambda route: route.abort())
        page.goto("/series/mnq/")
        expect(page.locator("#legend .when")).not_to_be_empty()
        expect(page.locator("#chart canvas").first).to_be_visible()
        settle(page)


BUSY = {"status": 503, "headers": {"Retry-After": "5"}, "json": {"detail": "The database does not respond."}}
BROKEN_OFF = {"status": 200, "content_type": "application/json", "body": '{"bars": ['}


@pytest.mark.parametrize(
    ("answer", "message"),
    [(BUSY, "The database does not respond."), (BROKEN_OFF, "The server's answer is incomplete: try again.")],
    ids=["503", "incomplete"],
)
def test_each_part_of_the_page_works_while_another_fails(browser, site, reader, mnq, answer, message):
    with open_page(browser, site, reader=reader, allowed_error="503") as page:
        page.route("**/bars?**", lambda route: route.fulfill(**answer))
        page.goto("/series/mnq/")
        expect(page.get_by_role("status")).to_have_text(message)
        expect(page.locator("#heat button")).to_have_count(4)
        expect(page.locator("#gaps li button")).to_have_count(1)
        page.get_by_text("Exchange America/Chicago").click()
        expect(page.locator("#gaps li button")).to_have_text("Wed 2024-01-03 03:20 to 04:20 CST1 hmissing")
        page.unroute("**/bars?**")
        page.get_by_role("button", name="Wed 3 Jan 2024").click()
        expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 17:00 CST")
        expect(page.get_by_role("status")).to_have_text("")
        page.route("**/coverage?**", lambda route: route.fulfill(**answer))
        page.reload()
        expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 17:00 CST")
        expect(page.locator("#heat")).to_have_text(message)
        expect(page.locator("#gaps")).to_have_text(message)
        page.get_by_text("UTC", exact=True).click()
        expect(page.locator("#gaps")).to_have_text(message)


def test_a_refused_clipboard_selects_the_command(browser, site, reader, mnq):
    with open_page(browser, site, reader=reader) as page:
        page.add_init_script(f"navigator.clipboard.writeText = async () => {THROW}")
        page.goto("/runs/1/")
        command = page.locator(".command").first
        command.get_by_role("button", name="Copy").click()
        expect(command.get_by_role("button", name="Select")).to_be_visible()
        assert page.evaluate("getSelection().toString()") == command.locator("code").inner_text()


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
def test_a_swipe_ends_with_the_finger_if_less_motion_is_preferred(browser, site, reader, mnq, motion):
    with open_page(browser, site, reader=reader, reduced_motion=motion) as page:
        page.goto("/")
        kinetic = page.evaluate("""async () => {
            const { buildBehaviour } = await import("/static/marketdata/js/chart/style.js");
            return buildBehaviour({}, {}).kineticScroll.touch;
        }""")
        assert kinetic is (motion == "no-preference")
