"""The pages in a real Chromium, on a real server."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from django.core.management import CommandError
from playwright.sync_api import Page, expect

from config.testing.browser import NARROW, WIDE, opened
from config.testing.builders import MIDNIGHT, bars, ingest, save, stored, together, write
from ingestion.undo.pipeline import undo_run
from marketdata.models import Series

LAST = MIDNIGHT + timedelta(minutes=5059)


def open_series(page: Page) -> None:
    page.goto("/series/mnq/")
    expect(page.locator("#legend .when")).not_to_be_empty()
    expect(page.locator("#heat button").first).to_be_visible()
    settle(page)


def settle(page: Page) -> None:
    """Until nothing has been loading for some frames: the chart asks for more bars a few frames after it moved."""
    page.wait_for_load_state("networkidle")
    page.evaluate("""async () => {
        for (let quiet = 0; quiet < 8; quiet += 1) {
            await new Promise(requestAnimationFrame);
            if (window.underWay) quiet = 0;
        }
    }""")


def point_at(page: Page, share: float) -> datetime:
    """Move the mouse over the candles, this far from the left; the time of the bar there."""
    box = page.locator("#chart").bounding_box()
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.4)
    settle(page)
    return legend_time(page)


def legend_time(page: Page) -> datetime:
    text = page.locator("#legend .when").inner_text()
    return datetime.strptime(text, "%a %Y-%m-%d %H:%M UTC").replace(tzinfo=UTC)


def drag(page: Page, start: float, end: float) -> None:
    box = page.locator("#chart").bounding_box()
    height = box["y"] + box["height"] * 0.4
    page.mouse.move(box["x"] + box["width"] * start, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * end, height, steps=8)
    page.mouse.up()
    settle(page)


def test_log_in_and_see_what_is_there(browser, site, reader, mnq):
    with opened(browser, site) as page:
        page.goto("/")
        page.get_by_label("Username").fill("reader")
        page.get_by_label("Password").fill("secret")
        page.get_by_role("button", name="Log in").click()
        row = page.get_by_role("row", name="mnq CME_MINI:MNQ1!")
        expect(row).to_contain_text("5,000")
        expect(row.get_by_role("img")).to_have_accessible_name("4 of the 56 days to 2024-01-05 have bars")
        row.get_by_role("link").click()
        expect(page).to_have_title("CME_MINI:MNQ1! · Barkeep")
        expect(page.locator("#legend .when")).to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")


def test_the_values_of_a_candle_under_the_crosshair(page, mnq):
    open_series(page)
    values = stored()
    times = {point_at(page, share) for share in (0.2, 0.5, 0.8)}
    assert len(times) == 3
    for share in (0.3, 0.6):
        time = point_at(page, share)
        legend = {name: page.locator(f"#legend .{name}").inner_text() for name in ("open", "high", "low", "close")}
        expected = dict(zip(legend, (f"{price:.2f}" for price in values[time][:4]), strict=True))
        assert {name: text[1:].strip() for name, text in legend.items()} == expected
        assert page.locator("#legend .volume").inner_text() == f"Vol{values[time][4]:,}"


def test_panning_left_loads_older_bars_and_leaves_the_view_where_it_is(page, mnq):
    open_series(page)
    page.locator("#chart").focus()
    for _ in range(6):
        page.keyboard.press("-")
        settle(page)
    with page.expect_response(re.compile(r"/bars\?.*end=")):
        drag(page, 0.1, 0.85)
        drag(page, 0.1, 0.85)
    settle(page)
    before = point_at(page, 0.5)
    for _ in range(3):
        drag(page, 0.1, 0.85)
    assert point_at(page, 0.5) < before - timedelta(minutes=1500)
    assert point_at(page, 0.9) - point_at(page, 0.4) > timedelta(minutes=500)
    assert stored()[point_at(page, 0.6)]


def test_after_a_jump_newer_bars_are_loaded_too(page, mnq):
    open_series(page)
    page.get_by_label("Go to").fill("2024-01-02")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 00:00 UTC")
    settle(page)
    for _ in range(4):
        drag(page, 0.85, 0.1)
    assert point_at(page, 0.4) > MIDNIGHT + timedelta(minutes=2060)
    page.get_by_role("button", name="Latest").click()
    expect(page.locator("#legend .when")).to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")


def test_a_day_of_the_heat_map_becomes_the_charts_range(page, mnq):
    open_series(page)
    day = page.get_by_role("button", name="Wed 3 Jan 2024: 1,320 of 1,380 minutes")
    day.click()
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 23:00 UTC")
    expect(day).to_have_attribute("aria-pressed", "true")
    settle(page)
    assert abs(point_at(page, 0.04) - datetime(2024, 1, 2, 23, tzinfo=UTC)) < timedelta(minutes=60)
    assert point_at(page, 0.9).date().isoformat() == "2024-01-03"
    page.reload()  # the address leads to the same day
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 23:00 UTC")
    settle(page)
    assert point_at(page, 0.9).date().isoformat() == "2024-01-03"


def test_a_gap_in_the_chart_and_the_exchange_clock(page, mnq):
    open_series(page)
    expect(page.locator("#gap-count")).to_have_text("1")
    page.get_by_role("button", name="Wed 2024-01-03 09:20 to 10:20 UTC 1 h").click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 10:20 UTC")
    page.get_by_text("Exchange").click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 04:20 CST")
    expect(page.get_by_role("button", name="Wed 2024-01-03 03:20 to 04:20 CST 1 h")).to_be_visible()
    page.get_by_label("Go to").fill("2024-01-03")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 00:00 CST")


def test_clocks_that_change(page):
    page.goto("/")
    found = page.evaluate("""async () => {
        const { Clock } = await import("/static/marketdata/js/shared/clock.js");
        const clock = new Clock("America/Chicago");
        const at = (text) => clock.long(Date.parse(text) / 1000);
        const midnight = (day) => new Date(clock.midnight(day) * 1000).toISOString();
        return [at("2024-11-03T06:30Z"), at("2024-11-03T07:30Z"), at("2024-03-10T07:59Z"), at("2024-03-10T08:00Z"),
                midnight("2024-03-10"), midnight("2024-03-11"), midnight("2024-11-03"), midnight("2024-11-04")];
    }""")
    assert found == [
        "Sun 2024-11-03 01:30 CDT", "Sun 2024-11-03 01:30 CST", "Sun 2024-03-10 01:59 CST", "Sun 2024-03-10 03:00 CDT",
        "2024-03-10T06:00:00.000Z", "2024-03-11T05:00:00.000Z", "2024-11-03T05:00:00.000Z", "2024-11-04T06:00:00.000Z",
    ]  # fmt: skip


def test_by_keyboard(page, mnq):
    open_series(page)
    page.locator("#chart").focus()
    page.keyboard.press("End")
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowLeft")
    time = LAST - timedelta(minutes=2)
    expect(page.locator("#legend .when")).to_have_text(f"{time:%a %Y-%m-%d %H:%M} UTC")
    expect(page.locator("#spoken")).to_contain_text(f"{time:%Y-%m-%d %H:%M} UTC: open")
    page.locator("#heat [tabindex='0']").focus()
    for key in ("ArrowUp", "ArrowUp", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 23:00 UTC")


def test_a_failed_run_is_found_and_says_what_to_do(page, mnq, tmp_path):
    path = save(tmp_path / "<b>bad name.dbn", b"no bars")
    with pytest.raises(CommandError):
        ingest(path)
    page.goto("/")
    failures = page.get_by_role("region", name="Failed, and not loaded since")
    expect(failures).to_contain_text("is not a DBN file")
    failures.get_by_role("link", name="Run 2").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Run 2 failed <b>bad name.dbn")
    next_steps = page.get_by_role("region", name="What to do next")
    expect(next_steps).to_contain_text(f"ingest_dbn --input '{path}' --dry-run")


def test_a_session_that_ended_is_said(browser, site, reader, mnq):
    with opened(browser, site, reader=reader, but_for="status of 401") as page:
        open_series(page)
        page.context.clear_cookies()
        page.get_by_label("Go to").fill("2024-01-02")
        page.get_by_role("button", name="Go", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("You are no longer logged in: reload the page.")


@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_jumps_hangs_over_the_edge_or_has_no_name(browser, site, reader, mnq, viewport, scheme):
    with opened(browser, site, reader=reader, viewport=viewport, color_scheme=scheme) as page:
        page.add_init_script("""window.shift = 0; new PerformanceObserver((list) => {
            for (const entry of list.getEntries()) window.shift += entry.value;
        }).observe({ type: "layout-shift", buffered: true });""")
        for address in ("/", "/series/mnq/", "/runs/1/"):
            page.goto(address)
            settle(page)
            assert page.evaluate("window.shift") < 0.02, address
            assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"], address
            for one in [*page.get_by_role("button").all(), *page.get_by_role("link").all()]:
                expect(one).to_have_accessible_name(re.compile(r"\w"))
        ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (sum(map(int, re.findall(r"\d+", ground))) < 200) == (scheme == "dark")


LONG = ("LONGNAME" * 16)[:128]


@pytest.mark.parametrize("width", [1280, 390])
def test_the_longest_names_break_no_page(browser, site, reader, market_db, tmp_path, width):
    ingest(write(tmp_path / f"{LONG}.dbn", bars(3)), symbol=LONG)
    with pytest.raises(CommandError):
        ingest(save(tmp_path / f"{LONG}-cut.dbn", b"no bars"), symbol=LONG)
    slug = Series.objects.get(symbol=LONG).slug
    with opened(browser, site, reader=reader, viewport={"width": width, "height": 900}) as page:
        for address in ("/", f"/series/{slug}/", "/runs/1/", "/runs/2/", "/admin/marketdata/ingestrun/"):
            page.goto(address)
            settle(page)
            assert page.evaluate("document.documentElement.scrollWidth") <= width, address
        page.goto("/")
        name = page.get_by_role("rowheader").filter(has_text="mnq").bounding_box()
        assert name["height"] < 40  # one line, however long the other's is


def test_on_a_telephone_a_line_of_a_table_is_a_small_card(browser, site, reader, mnq, tmp_path):
    ingest(write(tmp_path / "other.dbn", bars(3)), symbol="OTHER")
    undo_run(run_id=2)
    with opened(browser, site, reader=reader, viewport=NARROW) as page:
        page.goto("/")
        for row in page.locator("tbody tr").all():
            assert row.bounding_box()["height"] <= 130
        expect(page.get_by_role("row", name="other OTHER")).to_contain_text("Empty: run 3 took run 2 back")
        expect(page.locator("[data-label=Removed]:visible")).to_have_text(["3"])


def test_on_paper_there_is_nothing_to_press(page, mnq):
    open_series(page)
    page.emulate_media(media="print")
    for name in ("Go", "Latest", "Earlier", "Log out"):
        expect(page.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(page.locator(".top")).to_be_hidden()
    assert page.get_by_role("heading", level=1).bounding_box()["y"] < 20
    page.goto("/runs/1/")
    expect(page.locator(".command code")).to_be_visible()
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)


def test_candles_of_other_timeframes(page, mnq):
    open_series(page)
    expect(page.locator("#legend .minutes")).to_have_count(0)
    page.get_by_text("1h", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text(re.compile(f"{LAST:%a %Y-%m-%d %H}:00 UTC"))
    expect(page.locator("#legend .minutes")).to_have_text("20 of 60 min")
    settle(page)
    assert point_at(page, 0.5).minute == 0

    page.get_by_text("1d", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05")
    held = dict(stored())
    day = [values for time, values in sorted(held.items()) if time >= datetime(2024, 1, 4, 23, tzinfo=UTC)]
    expect(page.locator("#legend .open")).to_have_text(f"O{day[0][0]:.2f}")
    expect(page.locator("#legend .volume")).to_have_text(f"Vol{sum(values[4] for values in day):,}")
    expect(page.locator("#legend .minutes")).to_have_text(f"{len(day):,} of 1,380 min")
    expect(page.get_by_role("radio", name="UTC")).to_be_disabled()
    page.get_by_label("Go to").fill("2024-01-03")
    page.get_by_role("button", name="Go", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03")
    page.reload()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03")
    expect(page.get_by_label("1d")).to_be_checked()


def test_a_gap_is_shown_in_minutes(page, mnq):
    page.goto("/series/mnq/?timeframe=4h")
    expect(page.locator("#legend .minutes")).not_to_be_empty()
    page.get_by_role("button", name="Wed 2024-01-03 09:20 to 10:20 UTC 1 h").click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 10:20 UTC")
    expect(page.get_by_label("1m")).to_be_checked()


def test_a_candle_that_is_still_forming_says_so(page, market_db, tmp_path):
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    records = bars(30)
    records["ts_event"] = [int((now - timedelta(minutes=30 - number)).timestamp()) * 10**9 for number in range(30)]
    Series.objects.create(slug="now", symbol="NOW")
    days = {"mappings": {}, "start": int(records["ts_event"][0]), "end": None}
    ingest(write(tmp_path / "now.dbn", records, symbols=("NOW",), **days), symbol="NOW")
    page.goto("/series/now/?timeframe=1w")
    expect(page.locator("#legend .forming")).to_have_text("still forming")
    page.get_by_text("1m", exact=True).click()
    expect(page.locator("#legend .forming")).to_have_count(0)


def test_a_corrected_bar_is_marked_with_what_it_was(page, mnq, tmp_path):
    before = stored()[LAST]
    corrected = bars(1, first=5059)
    corrected["volume"] += 7
    ingest(write(tmp_path / "corrected.dbn", corrected))
    open_series(page)
    was = page.locator("#legend .before")
    expect(was).to_have_text(
        f"Until run 2O{before[0]:.2f} H{before[1]:.2f} L{before[2]:.2f} C{before[3]:.2f} Vol{before[4]:,} (run 1)"
    )
    expect(was.locator(".changed")).to_have_text([f"Vol{before[4]:,}"])  # what differs stands out
    page.locator("#chart").focus()
    page.keyboard.press("ArrowLeft")
    expect(was).to_have_count(0)
    page.get_by_text("5m", exact=True).click()
    expect(page.locator("#legend .minutes")).not_to_be_empty()
    expect(was).to_have_count(0)
    expect(page.locator("#legend .inside")).to_have_text("1 corrected minute inside")


def go_to(page: Page, day: str) -> None:
    page.get_by_label("Go to").fill(day)
    page.get_by_role("button", name="Go", exact=True).click()


def minute_to_datetime(page: Page) -> datetime:
    """What the address leads to."""
    return datetime.strptime(re.search(r"from=([^&]*)", page.url)[1], "%Y-%m-%dT%H%%3A%MZ").replace(tzinfo=UTC)


def test_other_candles_keep_the_moment(page, mnq):
    open_series(page)
    go_to(page, "2024-01-03")
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 00:00 UTC")
    settle(page)
    page.get_by_text("1h", exact=True).click()
    expect(page).to_have_url(re.compile("timeframe=1h"))
    moment = minute_to_datetime(page)
    assert datetime(2024, 1, 3, 11, tzinfo=UTC) < moment < datetime(2024, 1, 3, 13, 59, tzinfo=UTC)
    expect(page.locator("#legend .when")).to_have_text(f"Wed 2024-01-03 {moment:%H}:00 UTC")
    page.get_by_text("4h", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 11:00 UTC")
    settle(page)
    page.goto(f"/series/mnq/?from={moment:%Y-%m-%dT%H:%M}Z")
    settle(page)
    page.get_by_text("1d", exact=True).click()
    # The middle of the day that begins with the moment is after midnight, before the end of the trading day.
    expect(page.locator("#legend .when")).to_have_text("Thu 2024-01-04")
    page.get_by_text("1m", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text(f"{minute_to_datetime(page):%a %Y-%m-%d %H:%M} UTC")
    page.get_by_text("1w", exact=True).click()
    expect(page.locator("#legend .when")).to_have_text("Mon 2024-01-01")


def test_a_day_is_found_in_the_candle_that_holds_it(page, mnq, tmp_path):
    ingest(write(tmp_path / "monday.dbn", bars(300, first=5 * 24 * 60 + 23 * 60)))
    page.goto("/series/mnq/?timeframe=1w")
    for day, when in (("2024-01-04", "Mon 2024-01-01"), ("2024-01-08", "Mon 2024-01-08")):
        go_to(page, day)
        expect(page.locator("#legend .when")).to_have_text(when)
        expect(page.get_by_role("status")).to_have_text("")
    page.get_by_text("1d", exact=True).click()
    for day, when, said in (
        ("2024-01-06", "Mon 2024-01-08", "No bars on 2024-01-06: the nearest are shown."),
        ("2024-01-07", "Mon 2024-01-08", ""),  # Monday's session began on Sunday evening
        ("2024-01-03", "Wed 2024-01-03", ""),
    ):
        go_to(page, day)
        expect(page.locator("#legend .when")).to_have_text(when)
        expect(page.get_by_role("status")).to_have_text(said)
        expect(page.get_by_label("Go to")).to_have_value(day)


def test_the_candles_on_the_chart_stay_until_others_are_there(browser, site, reader, mnq):
    with opened(browser, site, reader=reader, but_for="ERR_FAILED") as page:
        open_series(page)
        held = []
        page.route("**/ohlcv-1h/bars**", lambda route: held.append(route))
        page.get_by_text("1h", exact=True).click()
        expect(page.get_by_role("status")).to_have_text("Loading…")
        box = page.locator("#chart").bounding_box()
        page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.4)
        expect(page.locator("#legend .when")).not_to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")
        expect(page.locator("#legend .open")).to_have_text(re.compile(r"^O16\d{3}\.\d\d$"))
        held[0].abort()
        expect(page.get_by_role("status")).to_have_text("The server cannot be reached.")
        expect(page.get_by_label("1m", exact=True)).to_be_checked()
        assert "timeframe" not in page.url
        values = stored()[point_at(page, 0.6)]
        expect(page.locator("#legend .high")).to_have_text(f"H{values[1]:.2f}")
        page.unroute("**/ohlcv-1h/bars**")
        page.get_by_text("1h", exact=True).click()
        expect(page.locator("#legend .minutes")).not_to_be_empty()
        expect(page.get_by_role("status")).to_have_text("")


def when_at(page: Page, share: float) -> str:
    """What the legend names under the mouse; of a place without a bar, the bar that it rests on."""
    box = page.locator("#chart").bounding_box()
    page.mouse.move(box["x"] + box["width"] * share, box["y"] + box["height"] * 0.4)
    return page.locator("#legend .when").inner_text()


def correct(tmp_path, *minutes: int) -> None:
    """Load these minutes again with a larger volume."""
    corrected = together(*(bars(1, first=minute) for minute in minutes))
    corrected["volume"] += 7
    ingest(write(tmp_path / "corrected.dbn", corrected))


def test_corrections_are_asked_for_once_and_again_after_a_failure(browser, site, reader, mnq, tmp_path):
    correct(tmp_path, *range(5050, 5060), *range(100, 110))
    with opened(browser, site, reader=reader, but_for="ERR_FAILED") as page:
        asked = []

        def in_small_pages(route):
            url = route.request.url
            asked.append(re.search(r"start=([^&]*)&end=([^&]*)", url).groups())
            if len(asked) == 1:
                route.abort()
            else:
                route.continue_(url=url.replace("limit=10000", "limit=3"))

        page.route("**/revisions?**", in_small_pages)
        open_series(page)
        expect(page.get_by_role("status")).to_have_text("The server cannot be reached.")
        expect(page.locator("#legend .before")).to_have_count(0)
        page.get_by_role("button", name="Latest").click()
        expect(page.locator("#legend .before")).to_have_count(1)
        expect(page.get_by_role("status")).to_have_text("")
        settle(page)
        first = asked[1]
        assert asked[1:] == [first] * 4  # ten of them, three at a time
        page.locator("#chart").focus()
        for _ in range(4):
            page.keyboard.press("Home")
            settle(page)
        later = sorted(set(asked[5:]))
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


def test_too_many_corrections_are_said_to_be(page, mnq, tmp_path):
    correct(tmp_path, *range(4900, 5060))
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


def test_zooming_out_ends_where_the_bars_do(page, mnq):
    open_series(page)

    def ends() -> tuple[datetime, datetime]:
        return point_at(page, 0.01), point_at(page, 0.94)

    page.locator("#chart").focus()
    for _ in range(20):
        page.keyboard.press("-")
        settle(page)
    first, last = ends()
    assert first < MIDNIGHT + timedelta(minutes=120)
    assert last > LAST - timedelta(minutes=120)
    assert last != LAST  # where the legend would rest
    page.get_by_role("button", name="Latest").click()
    settle(page)
    point_at(page, 0.5)
    for _ in range(5):
        for _ in range(10):
            page.mouse.wheel(0, 400)
        settle(page)
    first, last = ends()
    assert first < MIDNIGHT + timedelta(minutes=120)
    assert LAST - timedelta(minutes=120) < last < LAST


@pytest.mark.parametrize("viewport", [WIDE, {"width": 1280, "height": 900}, NARROW], ids=["wide", "usual", "narrow"])
def test_nothing_said_moves_the_chart(browser, site, reader, mnq, tmp_path, viewport):
    correct(tmp_path, 5058)
    with opened(browser, site, reader=reader, viewport=viewport, but_for="status of 401") as page:
        open_series(page)
        chart = page.locator("#chart")
        where = "element => element.getBoundingClientRect().top + scrollY"
        place = chart.evaluate(where)
        chart.focus()
        page.keyboard.press("End")
        page.keyboard.press("ArrowLeft")
        expect(page.locator("#legend .before")).to_have_count(1)
        assert chart.evaluate(where) == place
        page.context.clear_cookies()
        page.get_by_role("button", name="Latest").click()
        expect(page.get_by_role("status")).to_have_text("You are no longer logged in: reload the page.")
        assert chart.evaluate(where) == place


def test_a_tap_shows_the_values_of_a_bar(browser, site, reader, mnq):
    with opened(browser, site, reader=reader, viewport=NARROW, has_touch=True, is_mobile=True) as page:
        open_series(page)
        page.locator("#chart").scroll_into_view_if_needed()
        box = page.locator("#chart").bounding_box()
        page.touchscreen.tap(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3)
        expect(page.locator("#legend .when")).not_to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")
        values = stored()[legend_time(page)]
        expect(page.locator("#legend .close")).to_have_text(f"C{values[3]:.2f}")


def colours_on(page: Page, *, axis: bool) -> set[str]:
    """The colours that the chart has painted on its price axes, or elsewhere."""
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
def test_the_last_price_and_a_candle_that_forms_are_seen(browser, site, reader, market_db, tmp_path, scheme):
    end = datetime.now(tz=UTC).replace(second=0, microsecond=0)
    records = bars(30)
    records["ts_event"] = [int((end - timedelta(minutes=30 - number)).timestamp()) * 10**9 for number in range(30)]
    for name in ("open", "high", "low", "close"):
        records[name] = 16_800 * 10**9  # a cross without arms
    Series.objects.create(slug="now", symbol="NOW")
    days = {"mappings": {}, "start": int(records["ts_event"][0]), "end": None}
    ingest(write(tmp_path / "now.dbn", records, symbols=("NOW",), **days), symbol="NOW")
    up, ink = {"light": ("11,125,111", "23,32,43"), "dark": ("53,181,163", "221,228,236")}[scheme]
    with opened(browser, site, reader=reader, color_scheme=scheme) as page:
        page.goto("/series/now/?timeframe=1w")
        expect(page.locator("#legend .forming")).to_have_text("still forming")
        assert up in colours_on(page, axis=True)
        assert ink in colours_on(page, axis=False)


def test_minutes_outside_regular_hours(page, market_db, tmp_path):
    Series.objects.create(slug="aapl", symbol="AAPL", calendar="NYSE", dataset="XNAS.ITCH")
    early, day = bars(14, first=1440 + 8 * 60), bars(500, first=1440 + 13 * 60)
    changes = {"symbols": ("AAPL",), "mappings": {}}
    ingest(write(tmp_path / "aapl.dbn", together(early, day), **changes), symbol="AAPL")
    page.goto("/series/aapl/?timeframe=1d")
    expect(page.locator("#legend .minutes")).to_have_text("514 min (390 regular)")
    page.goto("/series/aapl/?timeframe=1h&from=2024-01-03T08:00Z")
    expect(page.locator("#legend .minutes")).to_have_text("14 min, outside regular hours")


def test_a_few_candles_begin_at_the_left(page, mnq):
    page.goto("/series/mnq/?timeframe=1d")
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05")
    settle(page)
    assert [when_at(page, share) for share in (0.01, 0.08)] == ["Tue 2024-01-02", "Thu 2024-01-04"]


def test_prices_are_equally_long_and_snap_to_the_tick(page, mnq):
    open_series(page)
    expect(page.locator("#latest-close")).to_have_text(f"{stored()[LAST][3]:.2f}")
    shown = page.evaluate("""async () => {
        const { Chart } = await import("/static/marketdata/js/series/chart.js");
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


def test_change_is_from_the_close_before(page, mnq):
    open_series(page)
    values = stored()
    before, last = values[LAST - timedelta(minutes=1)][3], values[LAST][3]
    change = f"{last - before:+.2f} ({(last - before) / before * 100:+.2f}%)"
    expect(page.locator("#legend .change")).to_have_text(change.replace("-", "−"))
    go_to(page, "2024-01-02")
    expect(page.locator("#legend .change")).to_have_text(re.compile(r"^\+0.25 \(\+0.00%\) from open$"))


def test_timeframes_by_key_and_why_days_have_no_clock(page, mnq):
    open_series(page)
    expect(page.get_by_title("trading date")).to_have_count(0)
    page.locator("#chart").focus()
    page.keyboard.press("7")
    expect(page.locator("#legend .when")).to_have_text("Fri 2024-01-05")
    expect(page.get_by_label("1d")).to_be_checked()
    assert "trading date" in page.locator("label", has_text="Exchange").get_attribute("title")
    page.keyboard.press("1")
    expect(page.locator("#legend .when")).to_have_text(f"{LAST:%a %Y-%m-%d %H:%M} UTC")


def test_new_bars_come_by_themselves(browser, site, reader, mnq, tmp_path):
    with opened(browser, site, reader=reader, but_for="ERR_FAILED") as page:
        page.add_init_script("""{
            const real = window.setInterval;
            window.setInterval = (work, after) => real(work, after === 30_000 ? 100 : after);
        }""")
        page.goto("/series/mnq/?timeframe=5m")
        expect(page.locator("#legend .minutes")).to_have_text("5 of 5 min")
        ingest(write(tmp_path / "more.dbn", bars(3, first=5060)))
        expect(page.locator("#legend .minutes")).to_have_text("3 of 5 min")
        expect(page.locator("#latest-close")).to_have_text(f"{stored()[LAST + timedelta(minutes=3)][3]:.2f}")
        page.route("**/bars?**", lambda route: route.abort())
        expect(page.get_by_role("status")).to_have_text("The server cannot be reached.")
        correct(tmp_path, 5062)
        page.unroute("**/bars?**")
        expect(page.get_by_role("status")).to_have_text("")
        expect(page.locator("#legend .inside")).to_have_text("1 corrected minute inside")
        page.evaluate("Object.defineProperty(document, 'hidden', { value: true })")
        settle(page)
        asked = []
        page.on("request", lambda request: asked.append(request.url))
        page.wait_for_timeout(400)
        assert asked == []
