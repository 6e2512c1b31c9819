"""The visible range of the chart, its colours and its price axis."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from playwright.sync_api import Page, expect

from config.testing.builders import MIDNIGHT, ingest, stored
from config.testing.web.browser import NARROW, WIDE, open_page
from config.testing.web.chart import LAST, correct_bars, hover, open_series, point_at, settle, write_recent_bars
from marketdata.models import Series

pytestmark = pytest.mark.slow


@pytest.mark.slow
def test_zooming_out_stops_at_the_first_and_last_bar(page, mnq):
    open_series(page)

    def read_ends() -> tuple[datetime, datetime]:
        return point_at(page, 0.01), point_at(page, 0.94)

    page.locator("#chart").focus()
    for _ in range(20):
        page.keyboard.press("-")
        settle(page)
    first, last = read_ends()
    assert first < MIDNIGHT + timedelta(minutes=120)
    assert last > LAST - timedelta(minutes=120)
    assert last != LAST  # the legend shows it without a crosshair
    page.get_by_role("button", name="Latest").click()
    settle(page)
    point_at(page, 0.5)
    for _ in range(5):
        for _ in range(10):
            page.mouse.wheel(0, 400)
        settle(page)
    first, last = read_ends()
    assert first < MIDNIGHT + timedelta(minutes=120)
    assert LAST - timedelta(minutes=120) < last < LAST


@pytest.mark.parametrize("viewport", [WIDE, {"width": 1280, "height": 900}, NARROW], ids=["wide", "usual", "narrow"])
def test_no_message_moves_the_chart(browser, site, reader, mnq, tmp_path, viewport):
    correct_bars(tmp_path, 5058)
    with open_page(browser, site, reader=reader, viewport=viewport, allowed_error="status of 401") as page:
        open_series(page)
        chart = page.locator("#chart")
        read_top = "element => element.getBoundingClientRect().top + scrollY"
        top = chart.evaluate(read_top)
        chart.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#legend .before")).to_have_count(1)
        assert chart.evaluate(read_top) == top
        page.context.clear_cookies()
        page.get_by_role("button", name="Latest").click()
        expect(page.get_by_role("status")).to_have_text("You are no longer logged in: reload the page.")
        assert chart.evaluate(read_top) == top


def read_colours(page: Page, *, axis: bool) -> set[str]:
    """The colours on the chart's price axes, or on the rest of the chart."""
    settle(page)
    return set(
        page.evaluate(
            """(axis) => [...document.querySelectorAll("#chart canvas")].flatMap((canvas) => {
                if (!canvas.width || !canvas.height || (canvas.clientWidth < 150) !== axis) return [];
                const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
                const found = new Set();
                for (let at = 0; at < data.length; at += 4) {
                    if (data[at + 3] === 255) found.add(`${data[at]},${data[at + 1]},${data[at + 2]}`);
                }
                return [...found];
            })""",
            axis,
        )
    )


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_last_price_and_a_forming_candle_are_visible(browser, site, reader, market_db, tmp_path, scheme):
    price = 16_800 * 10**9
    path = write_recent_bars(tmp_path, open=price, high=price, low=price, close=price)  # the candle is a single line
    Series.objects.create(slug="now", symbol="NOW")
    ingest(path, symbol="NOW")
    up, ink = {"light": ("11,125,111", "23,32,43"), "dark": ("53,181,163", "221,228,236")}[scheme]
    with open_page(browser, site, reader=reader, color_scheme=scheme) as page:
        page.goto("/series/now/?timeframe=1w")
        expect(page.locator("#legend .forming")).to_have_text("still forming")
        assert up in read_colours(page, axis=True)
        assert ink in read_colours(page, axis=False)


def test_a_few_candles_start_at_the_left(page, mnq):
    page.goto("/series/mnq/?timeframe=1d")
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05")
    settle(page)
    assert [hover(page, share) for share in (0.01, 0.08)] == ["Tue 2024-01-02", "Thu 2024-01-04"]


def test_prices_have_equal_decimals_and_snap_to_the_tick(page, mnq):
    open_series(page)
    expect(page.locator("#latest-close")).to_have_text(f"{stored()[LAST][3]:.2f}")
    shown = page.evaluate("""async () => {
        const { Chart } = await import("/static/marketdata/js/chart/chart.js");
        const bar = { time: 0, open: 1, high: 1, low: 1, close: 1, volume: 1 };
        const show = (tick, decimals, price) => {
            const bars = { list: [bar], last: bar, decimals };
            const chart = new Chart(document.createElement("div"), bars, { tick() {}, wall: () => new Date(0) }, tick);
            chart.draw();
            return chart.candles.priceFormatter().format(price);
        };
        return [show(0.25, 2, 16462.73), show(0.03125, 5, 110.02), show(0, 2, 16462.73), show(0.3, 1, 5.44)];
    }""")
    assert shown == ["16462.75", "110.03125", "16462.73", "5.4"]
