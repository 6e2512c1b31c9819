"""Operates the chart of a series page in the browser."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import FloatRect, Page, expect

from config.testing.builders import MIDNIGHT, bars, ingest, together, write

LAST = MIDNIGHT + timedelta(minutes=5059)  # the last bar of the fixture `mnq`


def open_series(page: Page, query: str = "") -> None:
    page.goto(f"/series/mnq/{query}")
    expect(page.locator("#legend .when")).not_to_be_empty()
    expect(page.locator("#heat button").first).to_be_visible()
    settle(page)


def settle(page: Page) -> None:
    """Wait until no request is pending for eight frames: the chart requests more bars some frames after it moved."""
    page.wait_for_load_state("networkidle")
    page.evaluate("""async () => {
        for (let quiet = 0; quiet < 8; quiet += 1) {
            await new Promise(requestAnimationFrame);
            if (window.pendingRequests) quiet = 0;
        }
    }""")


def point_at(page: Page, share: float) -> datetime:
    """Move the mouse to this share of the chart's width; return the time of the bar there."""
    hover(page, share)
    settle(page)
    return read_legend_time(page)


def hover(page: Page, share: float) -> str:
    """Move the mouse to this share of the chart's width; return what the legend shows as time."""
    box = find_box(page)
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.4)
    return page.locator("#legend .when").inner_text()


def find_box(page: Page) -> FloatRect:
    """Where the chart is."""
    box = page.locator("#chart").bounding_box()
    assert box is not None, "the chart is not visible"
    return box


def read_legend_time(page: Page) -> datetime:
    text = page.locator("#legend .when").inner_text()
    return datetime.strptime(text, "%a %Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)


def read_address_time(page: Page) -> datetime:
    """The time in the parameter `from` of the address."""
    found = re.search(r"from=([^&]*)", page.url)
    assert found, page.url
    return datetime.strptime(found[1], "%Y-%m-%dT%H%%3A%MZ").replace(tzinfo=UTC)


def drag(page: Page, start: float, end: float) -> None:
    box = find_box(page)
    height = box["y"] + box["height"] * 0.4
    page.mouse.move(box["x"] + box["width"] * start, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, height, steps=8)
    page.mouse.up()
    settle(page)


def go_to(page: Page, day: str) -> None:
    page.get_by_label("Go to").fill(day)
    page.get_by_role("button", name="Go", exact=True).click()


def correct_bars(directory: Path, *minutes: int) -> None:
    """Load these minutes again with a larger volume."""
    corrected = together(*(bars(1, first=minute) for minute in minutes))
    corrected["volume"] += 7
    ingest(write(directory / "corrected.dbn", corrected))


def write_recent_bars(directory: Path, count: int = 30, **values: int) -> Path:
    """A file of `count` bars of the symbol NOW that end with the current minute; `values` in units of 1e-9."""
    end = datetime.now(tz=UTC).replace(second=0, microsecond=0)
    records = bars(count)
    times = [end - timedelta(minutes=count - number) for number in range(count)]
    records["ts_event"] = [int(time.timestamp()) * 10**9 for time in times]
    for name, value in values.items():
        records[name] = value
    days = {"mappings": {}, "start": int(records["ts_event"][0]), "end": None}
    return write(directory / "now.dbn", records, symbols=("NOW",), **days)


KEEP_CHART = """{
    let library;
    Object.defineProperty(window, "LightweightCharts", {
        get: () => library,
        set(value) {
            const createChartEx = (...values) => (window.testChart = value.createChartEx(...values));
            library = { ...value, createChartEx };
        },
    });
}"""


def keep_chart(page: Page) -> None:
    """Keep the library's chart of the next page for `read_chart`."""
    page.add_init_script(KEEP_CHART)


def read_chart(page: Page) -> dict[datetime, tuple[float, ...]]:
    """What the chart draws: time to open, high, low, close, volume. The page needs `keep_chart`."""
    candles, volumes = page.evaluate(
        "() => window.testChart.panes().map((pane) => pane.getSeries()[0].data().map((one) => ({ ...one })))"
    )
    assert [one["time"] for one in candles] == [one["time"] for one in volumes]
    prices = ("open", "high", "low", "close")
    return {
        datetime.fromtimestamp(candle["time"], UTC): (*(candle[name] for name in prices), volume["value"])
        for candle, volume in zip(candles, volumes, strict=True)
    }


def read_visible(page: Page) -> tuple[float, float]:
    """The logical range that the chart shows. The page needs `keep_chart`."""
    found = page.evaluate("() => window.testChart.timeScale().getVisibleLogicalRange()")
    return found["from"], found["to"]
