"""The chart follows the stream: bars are drawn as they are stored, and the chart equals the table after every fault."""

from __future__ import annotations

import contextlib
import re
import time
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from config.testing.builders import MIDNIGHT, bars, ingest, stored, together, undo_run, write, write_filled
from config.testing.processes import until
from config.testing.web.browser import NARROW, open_page
from config.testing.web.chart import LAST, correct_bars, drag, keep_chart, open_series, read_chart, read_visible
from config.testing.web.server import web_server

LIMIT = 0.5  # seconds from commit to drawing
SLACK = 1.0  # of a busy machine
# Notes when the legend, which is written after the chart, changes.
NOTE_DRAWING = """() => {
    const note = () => (window.drawnAt = Date.now() / 1000);
    new MutationObserver(note).observe(document.getElementById("legend"), { childList: true, subtree: true });
}"""


@pytest.fixture
def chart(page, mnq) -> Page:
    """The page of mnq, which follows its stream."""
    keep_chart(page)
    open_stream(page)
    return page


def open_stream(page: Page, query: str = "") -> None:
    with page.expect_response(lambda response: "/stream?" in response.url) as opened:
        open_series(page, query)
    assert opened.value.status == 200


def read_table(symbol: str = "CME_MINI:MNQ1!") -> dict:
    return {ts: tuple(map(float, values)) for ts, values in stored(symbol).items()}


def equals_table(page: Page) -> bool:
    """Whether the chart has the stored bars from its first one on."""
    shown = read_chart(page)
    return shown == {ts: values for ts, values in read_table().items() if ts >= min(shown)}


def until_equal(page: Page) -> None:
    deadline = time.monotonic() + 15
    while not equals_table(page):
        assert time.monotonic() < deadline, "the chart differs from the table"
        page.wait_for_timeout(50)


def test_a_stored_bar_is_drawn_within_half_a_second(chart, tmp_path):
    chart.evaluate(NOTE_DRAWING)
    delays = []
    for number in range(5):
        minute = LAST + timedelta(minutes=1 + number)
        ingest(write_filled(tmp_path / f"{number}.dbn", bars(1, first=5060 + number)))
        stored_at = time.time()
        expect(chart.locator("#legend .when")).to_have_text(f"{minute:%a %Y-%m-%d %H:%M} UTC")
        delays.append(chart.evaluate("window.drawnAt") - stored_at)
        assert minute in read_chart(chart)
    assert sorted(delays)[2] < LIMIT
    assert max(delays) < LIMIT + SLACK
    expect(chart.locator("#last-bar")).to_have_text(f"{LAST + timedelta(minutes=5):%Y-%m-%d %H:%M} UTC")
    expect(chart.locator("#latest-close")).to_have_text(f"{stored()[LAST + timedelta(minutes=5)][3]:.2f}")


@pytest.mark.slow
def test_corrections_late_bars_and_undos_are_drawn(chart, tmp_path):
    ingest(write(tmp_path / "late.dbn", bars(30, first=5065)))
    until_equal(chart)
    ingest(write(tmp_path / "gap.dbn", bars(3, first=5061)))
    until_equal(chart)
    correct_bars(tmp_path, 5059, 4000)
    until_equal(chart)
    assert read_chart(chart)[LAST][4] == float(stored()[LAST][4])
    undo_run(2)
    until_equal(chart)
    assert max(read_chart(chart)) == LAST + timedelta(minutes=4)


@pytest.mark.slow
def test_a_file_with_many_bars_is_loaded_at_once(chart, tmp_path):
    changed = bars(2000)
    changed["volume"] += 3
    ingest(write(tmp_path / "changed.dbn", together(changed, bars(3000, first=5060))))
    until_equal(chart)
    assert max(read_chart(chart)) == LAST + timedelta(minutes=3000)


@pytest.mark.slow
@pytest.mark.parametrize("timeframe", ["5m", "1d"])
def test_the_forming_candle_follows_its_minutes(page, mnq, tmp_path, timeframe):
    open_stream(page, f"?timeframe={timeframe}")
    minutes = page.locator("#legend .minutes")
    before = minutes.inner_text()
    ingest(write_filled(tmp_path / "more.dbn", bars(3, first=5060)))
    expect(minutes).not_to_have_text(before)
    if timeframe == "5m":
        expect(minutes).to_have_text("3 of 5 min")
    expect(page.locator("#legend .close")).to_have_text(f"C{stored()[LAST + timedelta(minutes=3)][3]:.2f}")


@pytest.mark.slow
def test_another_timeframe_has_a_stream_of_its_own(chart, tmp_path):
    with chart.expect_request(lambda request: "/ohlcv-1h/stream?" in request.url):
        chart.get_by_text("1h", exact=True).click()
    expect(chart.locator("#legend .minutes")).to_have_text("20 of 60 min")
    ingest(write_filled(tmp_path / "more.dbn", bars(3, first=5060)))
    expect(chart.locator("#legend .minutes")).to_have_text("23 of 60 min")


@pytest.mark.slow
def test_the_view_stays_unless_it_is_at_the_end(chart, tmp_path):
    before = read_visible(chart)
    ingest(write_filled(tmp_path / "1.dbn", bars(2, first=5060)))
    until_equal(chart)
    after = read_visible(chart)
    assert after == pytest.approx([edge + 2 for edge in before], abs=0.1)
    drag(chart, 0.2, 0.8)
    scrolled = read_visible(chart)
    assert scrolled[1] < after[1] - 20
    ingest(write_filled(tmp_path / "2.dbn", bars(2, first=5062)))
    until_equal(chart)
    assert read_visible(chart) == pytest.approx(scrolled, abs=0.1)


@pytest.mark.slow
def test_an_earlier_range_is_corrected_and_does_not_move(page, mnq, tmp_path):
    keep_chart(page)
    open_stream(page, "?from=2024-01-02T12:00Z")
    before = read_visible(page)
    shown = len(read_chart(page))
    ingest(write_filled(tmp_path / "new.dbn", bars(2, first=5060)))
    correct_bars(tmp_path, 730)
    corrected = MIDNIGHT + timedelta(minutes=730)
    until(lambda: read_chart(page)[corrected][4] == float(stored()[corrected][4]))
    assert (len(read_chart(page)), read_visible(page)) == (shown, pytest.approx(before, abs=0.1))
    assert "from=2024-01-02" in page.url


@pytest.mark.slow
def test_nothing_moves_on_a_phone(browser, site, reader, mnq, tmp_path):
    with open_page(browser, site, reader=reader, viewport=NARROW) as page:
        open_stream(page)
        box = page.locator("#chart").bounding_box()
        ingest(write_filled(tmp_path / "more.dbn", bars(3, first=5060)))
        expect(page.locator("#last-bar")).to_have_text(f"{LAST + timedelta(minutes=3):%Y-%m-%d %H:%M} UTC")
        assert page.locator("#chart").bounding_box() == box
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.slow
def test_after_a_restart_of_the_server_the_chart_equals_the_table(browser, market_db, reader, mnq, tmp_path):
    server = contextlib.ExitStack()
    address = server.enter_context(web_server())
    with server, open_page(browser, address, reader=reader, allowed_error="ERR_") as page:
        keep_chart(page)
        open_stream(page)
        server.close()
        expect(page.locator("#feed-line")).to_have_text(re.compile(r"^reconnecting since \d\d:\d\d UTC$"))
        ingest(write_filled(tmp_path / "more.dbn", bars(3, first=5060)))
        correct_bars(tmp_path, 4990)
        with web_server(port=int(address.rsplit(":", 1)[1])):
            until_equal(page)
            expect(page.locator("#feed-line")).to_have_text(re.compile("^no live feed"))


@pytest.mark.slow
def test_after_being_offline_the_chart_equals_the_table(browser, site, reader, mnq, tmp_path):
    with open_page(browser, site, reader=reader, allowed_error="ERR_INTERNET_DISCONNECTED") as page:
        keep_chart(page)
        open_stream(page)
        page.context.set_offline(True)
        ingest(write_filled(tmp_path / "1.dbn", bars(10, first=5060)))
        correct_bars(tmp_path, 4990, 5050)
        undo_run(2)
        page.wait_for_timeout(500)
        page.context.set_offline(False)
        until_equal(page)
        expect(page.get_by_role("status")).to_have_text("")
