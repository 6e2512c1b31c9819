"""Dragged axes of the chart: they belong to the shown range, and a jump to another range scales it again."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from config.testing.builders import bars, ingest, together, write_filled
from config.testing.web.chart import find_box, go_to, open_series, settle

pytestmark = pytest.mark.slow

DAY = 1440
VOLUMES = 0.9  # the height of the volume pane, as a share of the chart's
PRICES = 0.4


@pytest.fixture
def two_levels(market_db, tmp_path):
    """Two days at about 16,800, a missing hour, then two days at about 2,000 with a thousandth of the volume."""
    early, late = bars(2 * DAY), bars(2 * DAY - 60, first=2 * DAY + 60, base=2_000)
    early["volume"] *= 1_000
    ingest(write_filled(tmp_path / "mnq.dbn", together(early, late)))


def drag_axis(page: Page, height: float) -> None:
    """Drag the price axis at this share of the chart's height: more prices are visible, and the axis remains so."""
    box = find_box(page)
    x, y = box["x"] + box["width"] - 30, box["y"] + box["height"] * height
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x, y + 30, steps=6)
    page.mouse.up()
    page.mouse.move(2, 2)
    settle(page)


def count_pixels(page: Page, *names: str) -> int:
    """The pixels of the chart's panes in one of these colours of the style sheet."""
    settle(page)
    return page.evaluate(
        """(names) => {
            const style = getComputedStyle(document.documentElement);
            const colours = names.map((name) => parseInt(style.getPropertyValue(`--${name}`).trim().slice(1), 16));
            let found = 0;
            for (const canvas of document.querySelectorAll("#chart canvas")) {
                if (!canvas.width || !canvas.height || canvas.clientWidth < 150) continue;
                // A copy: Chromium warns of a canvas that is read several times.
                const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d");
                copy.drawImage(canvas, 0, 0);
                const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
                for (let at = 0; at < data.length; at += 4) {
                    found += colours.includes(data[at] * 65536 + data[at + 1] * 256 + data[at + 2]);
                }
            }
            return found;
        }""",
        names,
    )


def has_candles(page: Page) -> bool:
    return count_pixels(page, "up", "down") > 300


def drag_prices_away(page: Page) -> None:
    """After the axis was dragged, dragging the chart moves the candles up, until none is visible."""
    drag_axis(page, PRICES)
    box = find_box(page)
    x, top = box["x"] + box["width"] * 0.5, box["y"]
    for _ in range(3):
        page.mouse.move(x, top + box["height"] * 0.7)
        page.mouse.down()
        page.mouse.move(x, top + 40, steps=8)
        page.mouse.up()
    page.mouse.move(2, 2)
    assert not has_candles(page)


JUMPS = {
    "latest": lambda page: page.get_by_role("button", name="Latest").click(),
    "go": lambda page: go_to(page, "2024-01-05"),
    "day": lambda page: page.get_by_role("button", name="Fri 5 Jan 2024").click(),
    "the same day": lambda page: page.get_by_role("button", name="Wed 3 Jan 2024").click(),
    "gap": lambda page: page.locator("#gaps li button").first.click(),
    "hours": lambda page: page.get_by_text("1h", exact=True).click(),
    "a key": lambda page: page.locator("#chart").press("5"),
}


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_scales_the_prices_again(page, two_levels, jump):
    open_series(page)
    page.get_by_role("button", name="Wed 3 Jan 2024").click()
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 23:00 UTC")
    settle(page)
    drag_prices_away(page)
    JUMPS[jump](page)
    settle(page)
    assert has_candles(page)


def test_a_jump_scales_the_volumes_again(page, two_levels):
    open_series(page)
    go_to(page, "2024-01-02")
    settle(page)
    drag_axis(page, VOLUMES)
    page.get_by_role("button", name="Latest").click()
    assert count_pixels(page, "volume") > 3_000


@pytest.mark.parametrize("key", ["ArrowLeft", "PageUp", "Home"])
def test_keys_reveal_the_bar_that_they_reach(page, two_levels, key):
    open_series(page)
    drag_prices_away(page)
    page.locator("#chart").press(key)
    assert has_candles(page)


def test_a_dragged_axis_remains_while_the_range_does(page, two_levels):
    """A change of the clock, and keys that reach a visible bar, scale no prices."""
    open_series(page)
    drag_axis(page, PRICES)
    dragged = count_pixels(page, "up")
    page.get_by_text("Exchange America/Chicago").click()
    assert count_pixels(page, "up") == dragged
    page.locator("#chart").press("ArrowLeft")
    assert count_pixels(page, "up") == pytest.approx(dragged, rel=0.05)
