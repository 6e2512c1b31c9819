"""Times in UTC and in the exchange's time zone."""

from __future__ import annotations

from playwright.sync_api import expect

from config.testing.web.chart import go_to, open_series


def test_daylight_saving_time_changes_the_offset(page):
    page.goto("/")
    formatted = page.evaluate("""async () => {
        const { Clock } = await import("/static/marketdata/js/shared/clock.js");
        const clock = new Clock("America/Chicago");
        const at = (text) => clock.long(Date.parse(text) / 1000);
        const midnight = (day) => new Date(clock.midnight(day) * 1000).toISOString();
        return [at("2024-11-03T06:30Z"), at("2024-11-03T07:30Z"), at("2024-03-10T07:59Z"), at("2024-03-10T08:00Z"),
                midnight("2024-03-10"), midnight("2024-03-11"), midnight("2024-11-03"), midnight("2024-11-04")];
    }""")
    assert formatted == [
        "Sun 2024-11-03 01:30 CDT", "Sun 2024-11-03 01:30 CST", "Sun 2024-03-10 01:59 CST", "Sun 2024-03-10 03:00 CDT",
        "2024-03-10T06:00:00.000Z", "2024-03-11T05:00:00.000Z", "2024-11-03T05:00:00.000Z", "2024-11-04T06:00:00.000Z",
    ]  # fmt: skip


def test_chart_gaps_and_dates_follow_the_time_zone(page, mnq):
    open_series(page)
    expect(page.locator("#gap-count")).to_have_text("1")
    page.get_by_role("button", name="Wed 2024-01-03 09:20 to 10:20 UTC 1 h").click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 10:20 UTC")
    page.get_by_text("Exchange").click()
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 04:20 CST")
    expect(page.get_by_role("button", name="Wed 2024-01-03 03:20 to 04:20 CST 1 h")).to_be_visible()
    go_to(page, "2024-01-03")
    expect(page.locator("#legend .when")).to_have_text("Wed 2024-01-03 00:00 CST")
