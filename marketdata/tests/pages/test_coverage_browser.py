"""The heat map and the list of gaps."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import pytest
from playwright.sync_api import Locator, Page, expect

from config.testing.builders import FRONT, at, bars, ingest, together, write_filled
from config.testing.clocks import utc
from config.testing.life import replace_mappings
from config.testing.web.browser import open_page
from config.testing.web.chart import open_series, point_at, settle
from marketdata.coverage import report
from marketdata.models import Series

pytestmark = pytest.mark.slow

DAY, HOUR = 1440, 60
FULL, BY_CALENDAR = 23 * HOUR, re.compile("CME Globex Equity")


def trading_day(number: int, count: int = FULL, *, first: int = 0):
    """Bars of the trading day `number` days after Tuesday 2 January 2024, from its start at 23:00 UTC."""
    return bars(count, first=number * DAY - HOUR + first)


def map_days(first: int, last: int) -> None:
    """The file maps only the trading days from `first` to `last` (not included), counted as by `trading_day`."""
    start = datetime(2024, 1, 1, 23, tzinfo=UTC)
    ends = start + timedelta(days=first), start + timedelta(days=last)
    replace_mappings(Series.objects.get(slug="mnq"), ends)


def find_day(page: Page, name: str) -> Locator:
    """The button of a date in the heat map. `name`: Wed 3 Jan 2024, or its beginning."""
    return page.locator("#heat").get_by_role("button", name=name)


def read_level(button: Locator) -> str:
    return button.get_attribute("class")


@pytest.fixture
def weeks(market_db, tmp_path):
    """Tuesday to Wednesday of the next week. Wednesday has gaps, Thursday no bars; an hour of Monday is missing. The
    file ends with the second Wednesday, of which it has two hours."""
    records = together(
        trading_day(0),
        trading_day(1, 300),
        trading_day(1, 60, first=400),
        trading_day(3),
        trading_day(6, 600),
        trading_day(6, FULL - 660, first=660),
        trading_day(7),
        trading_day(8, 120),
    )
    ingest(write_filled(tmp_path / "mnq.dbn", records))
    map_days(0, 9)


def test_days_are_compared_with_the_open_minutes(page, weeks):
    open_series(page)
    expect(page.locator("#heat-measure")).to_have_text(BY_CALENDAR)
    levels = {"Tue 2": 4, "Wed 3": 1, "Thu 4": 0, "Fri 5": 4, "Mon 8": 3, "Tue 9": 4, "Wed 10": 1}
    # A day that has fewer bars than open minutes has minutes that no history covers.
    assert {name: read_level(find_day(page, name)) for name in levels} == {
        name: f"heat-{n}" if n == 4 else f"heat-{n} heat-missing" for name, n in levels.items()
    }
    expect(find_day(page, "Wed 3 Jan")).to_have_accessible_name("Wed 3 Jan 2024: 360 of 1,380 minutes, missing")
    expect(find_day(page, "Thu 4 Jan")).to_have_attribute("title", "Thu 4 Jan 2024: 0 of 1,380 minutes, missing")
    # The weekend and New Year's Day are closed. Thursday and Friday are after the end of the file.
    for name in ("Thu 11", "Fri 12"):
        expect(find_day(page, name)).to_have_accessible_name(f"{name} Jan 2024: outside the data")
        assert read_level(find_day(page, name)) == "heat-outside"
    expect(find_day(page, "Sat")).to_have_count(0)
    expect(find_day(page, "Sun")).to_have_count(0)
    expect(find_day(page, "Mon 1")).to_have_count(0)
    expect(page.locator("#heat button")).to_have_count(9)


def test_today_is_outlined_and_compared_with_the_minutes_so_far(page, weeks, monkeypatch):
    now = datetime(2024, 1, 10, 1, 5, 30, tzinfo=UTC)  # two hours and five minutes after Wednesday's open
    monkeypatch.setattr(report, "timezone", SimpleNamespace(now=lambda: now))
    open_series(page)
    today = find_day(page, "Wed 10 Jan")
    expect(today).to_have_accessible_name("Wed 10 Jan 2024: 120 of 125 minutes so far, missing")
    assert read_level(today) == "heat-3 heat-now heat-missing"
    expect(page.locator("#heat .heat-now")).to_have_count(1)
    expect(find_day(page, "Thu 11 Jan")).to_have_count(0)
    assert today.evaluate("button => getComputedStyle(button).boxShadow") != "none"


def test_bars_in_closed_hours_do_not_count_for_the_day(page, market_db, tmp_path):
    """Half an hour of Tuesday and the hour in which Globex is closed each day."""
    ingest(write_filled(tmp_path / "mnq.dbn", together(trading_day(0, 30), bars(60, first=22 * HOUR))))
    map_days(0, 1)
    open_series(page)
    tuesday = find_day(page, "Tue 2 Jan")
    expect(tuesday).to_have_accessible_name("Tue 2 Jan 2024: 30 of 1,380 minutes, 60 bars while closed, missing")
    assert read_level(tuesday) == "heat-1 heat-missing"


def test_a_day_becomes_the_range_of_the_chart(page, mnq):
    open_series(page)
    day = page.get_by_role("button", name="Wed 3 Jan 2024: 1,320 of 1,380 minutes")
    day.click()
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 23:00 UTC")
    expect(day).to_have_attribute("aria-pressed", "true")
    settle(page)
    assert abs(point_at(page, 0.04) - datetime(2024, 1, 2, 23, tzinfo=UTC)) < timedelta(minutes=60)
    assert point_at(page, 0.9).date().isoformat() == "2024-01-03"
    page.reload()  # the address opens the same day
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 23:00 UTC")
    settle(page)
    assert point_at(page, 0.9).date().isoformat() == "2024-01-03"


@pytest.mark.parametrize(
    ("query", "clock", "when"),
    [
        ("", "UTC", "Sun 2024-01-07 23:00 UTC"),
        ("", "Exchange", "Sun 2024-01-07 17:00 CST"),
        ("?timeframe=1h", "Exchange", "Sun 2024-01-07 17:00 CST"),
        ("?timeframe=1d", "UTC", "Mon 2024-01-08"),
    ],
)
def test_a_day_moves_the_chart_to_its_start(page, weeks, query, clock, when):
    """Monday's bars begin on Sunday evening."""
    open_series(page, query)
    if clock == "Exchange":
        page.get_by_text("Exchange America/Chicago").click()
    monday = find_day(page, "Mon 8 Jan")
    monday.click()
    expect(page.locator("#legend .when")).to_have_text(when)
    expect(monday).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#chart-status")).to_have_text("")


def test_the_message_of_an_open_day_without_bars_has_the_trading_date(page, weeks):
    """Thursday's trading day begins on Wednesday evening."""
    open_series(page)
    find_day(page, "Thu 4 Jan").click()
    expect(page.locator("#chart-status")).to_have_text("No bars on Thu 4 Jan 2024: the nearest are shown.")


def test_an_unknown_calendar_is_reported(browser, site, reader, weeks, set_calendar):
    set_calendar("Mars")
    with open_page(browser, site, reader=reader, allowed_error="409") as page:
        page.goto("/series/mnq/")
        expect(page.locator("#heat")).to_contain_text('No trading calendar is called "Mars"')
        expect(page.locator("#legend .when")).not_to_be_empty()  # minute bars need no calendar


def test_keys_skip_closed_days(page, weeks):
    open_series(page)
    find_day(page, "Tue 2 Jan").focus()
    for key, name in [
        ("ArrowRight", "Tue 9"), ("ArrowUp", "Mon 8"), ("ArrowUp", "Fri 5"), ("ArrowRight", "Fri 12"),
        ("ArrowRight", "Fri 12"), ("Home", "Tue 2"), ("ArrowLeft", "Tue 2"), ("End", "Fri 12"), ("ArrowLeft", "Fri 5"),
        ("ArrowDown", "Mon 8"),
    ]:  # fmt: skip
        page.keyboard.press(key)
        expect(page.locator("#heat button:focus")).to_have_accessible_name(re.compile(f"^{name} Jan"))


def test_gaps_while_open_and_in_closed_hours_are_separate_lists(page, weeks):
    open_series(page)
    gaps = page.locator("#gaps li button")
    expect(page.locator("#gap-count")).to_have_text("8")
    expect(page.get_by_label("Missing while open 4")).to_be_checked()
    expect(gaps).to_have_text(
        [
            "Wed 2024-01-03 06:40 to Thu 01-04 23:00 UTC38 h 20 min while open, 40 h 20 min in totalmissing",
            "Wed 2024-01-10 01:00 to 23:00 UTC21 h while open, 22 h in totalmissing",
            "Wed 2024-01-03 04:00 to 05:40 UTC1 h 40 minmissing",
            "Mon 2024-01-08 09:00 to 10:00 UTC1 hmissing",
        ]
    )
    page.get_by_text("Market closed 4").click()
    expect(gaps).to_have_count(4)
    expect(gaps.first).to_have_text("Fri 2024-01-05 22:00 to Sun 01-07 23:00 UTC49 hclosed")
    page.get_by_label("Order").select_option("newest first")
    expect(gaps.first).to_have_text("Tue 2024-01-09 22:00 to 23:00 UTC1 hclosed")


def test_an_empty_list_of_gaps_has_a_message(page, market_db, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", together(trading_day(0), trading_day(1))))
    map_days(0, 2)
    open_series(page)
    expect(page.locator("#gaps")).to_have_text("No minute is missing while the market was open.")
    page.get_by_text("Market closed 2").click()
    expect(page.get_by_role("button", name="Tue 2024-01-02 22:00 to 23:00 UTC 1 h closed")).to_be_visible()
    expect(page.locator("#outside-session")).to_have_text("")


def test_a_year_with_one_bar_is_missing(page, market_db, tmp_path):
    """The only bar is on the last day but one that the file maps."""
    ingest(write_filled(tmp_path / "mnq.dbn", bars(1)))
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2023-01-02"), utc("2024-01-03")))
    open_series(page)
    expect(page.get_by_label("Missing while open 2")).to_be_checked()
    buttons = page.locator("#gaps li button")
    expect(buttons).to_have_count(2)
    expect(buttons.first).to_contain_text(re.compile("^Thu 2023-01-05 00:00 to Tue 2024-01-02 00:00 UTC"))
    expect(buttons.last).to_contain_text("Tue 2024-01-02 00:01 to Wed 01-03 00:00 UTC22 h 59 min while open")
    expect(find_day(page, "Wed 14 Jun 2023")).to_have_accessible_name("Wed 14 Jun 2023: 0 of 1,380 minutes, missing")
    assert read_level(find_day(page, "Wed 14 Jun 2023")) == "heat-0 heat-missing"


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("Tue 2024-01-02 01:00 to 02:00", "Tue 2024-01-02 02:00 UTC"),
        ("Mon 2024-01-01 23:00 to Tue 01-02 00:00", "Tue 2024-01-02 00:00 UTC"),
        ("Tue 2024-01-02 02:30 to 23:00", "Tue 2024-01-02 02:29 UTC"),
    ],
)
def test_a_gap_at_an_end_moves_the_chart_to_the_bar_beside_it(page, market_db, tmp_path, text, when):
    ingest(write_filled(tmp_path / "mnq.dbn", together(bars(60), bars(30, first=120))))
    map_days(0, 1)
    open_series(page)
    page.get_by_role("button", name=text).press("Enter")  # the mouse would point at another bar
    expect(page.locator("#legend .when")).to_have_text(when)
    expect(page.locator("#chart-status")).to_have_text("")


def test_a_year_without_a_bar_is_one_gap(page, market_db, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", bars(1)))
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2021-01-04"), utc("2024-01-03")))
    open_series(page)
    page.get_by_role("button", name="Earlier").click()
    buttons = page.locator("#gaps li button")
    expect(buttons).to_have_count(1)
    buttons.click()
    expect(page.locator("#chart-status")).to_contain_text("the nearest are shown.")


def test_bars_while_the_market_is_closed_are_listed(page, market_db, tmp_path):
    """Seven bars in the hour after Tuesday's close."""
    ingest(write_filled(tmp_path / "mnq.dbn", together(trading_day(0), bars(7, first=22 * HOUR))))
    map_days(0, 1)
    open_series(page)
    listed = page.locator("#outside-session")
    expect(listed).to_contain_text("7 bars while the market was closed: Tue 2024-01-02 22:00 UTC, Tue 2024-01-02 22:01")
    expect(listed).to_contain_text("22:04 UTC and 2 more.")
    page.get_by_text("Exchange America/Chicago").click()
    expect(listed).to_contain_text("Tue 2024-01-02 16:00 CST")


def test_the_legend_explains_days_outside_the_data(page, weeks):
    open_series(page)
    key = page.locator(".key", has_text="outside the data")
    painted = "one => getComputedStyle(one).backgroundImage"
    assert key.locator("i").evaluate(painted) == find_day(page, "Thu 11 Jan").evaluate(painted) != "none"


def test_without_a_calendar_no_minutes_are_called_missing(page, market_db, tmp_path, set_calendar):
    """Six UTC days, one of them with a single bar."""
    set_calendar("")
    ingest(
        write_filled(
            tmp_path / "mnq.dbn", together(bars(1), *(bars(200, first=number * DAY) for number in range(1, 6)))
        )
    )
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2024-01-02"), utc("2024-01-08")))
    open_series(page)
    expect(page.locator("#heat-measure")).to_have_text(re.compile("of 200 on a usual day"))
    expect(find_day(page, "Tue 2 Jan")).to_have_accessible_name("Tue 2 Jan 2024: 1 bar, 0% of a usual day")
    assert [read_level(find_day(page, name)) for name in ("Tue 2", "Wed 3", "Sat 6")] == ["heat-1", "heat-4", "heat-4"]
    amber, grey = (page.evaluate(f"getComputedStyle(document.body).getPropertyValue('--heat-{n}')") for n in (1, "low"))
    assert amber != grey
    painted = "button => getComputedStyle(button).backgroundColor"
    red, green, blue = map(int, re.findall(r"\d+", find_day(page, "Tue 2 Jan").evaluate(painted))[:3])
    assert blue >= green >= red  # no amber
    expect(page.get_by_text("Missing while open")).to_have_count(0)
    expect(page.locator("#gaps li button")).to_have_count(6)
    expect(page.get_by_role("link", name="set a calendar")).to_be_visible()


def test_a_single_day_is_compared_with_all_its_minutes(page, market_db, tmp_path, set_calendar):
    set_calendar("")
    ingest(write_filled(tmp_path / "mnq.dbn", bars(1)))
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2024-01-02"), utc("2024-01-03")))
    open_series(page)
    expect(page.locator("#heat-measure")).to_have_text("Bars by UTC day, of 1,440 minutes:")
    assert read_level(find_day(page, "Tue 2 Jan")) == "heat-1"


def test_a_last_bar_on_sunday_evening_belongs_to_mondays_week(page, market_db, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", together(trading_day(3), trading_day(6, 20))))
    map_days(3, 7)
    open_series(page)
    expect(find_day(page, "Mon 8 Jan")).to_have_accessible_name("Mon 8 Jan 2024: 20 of 1,380 minutes, missing")
    expect(page.locator("#coverage-range")).to_have_text("2024-01-01 to 2024-01-14")


def test_years_are_paged_by_trading_dates(page, market_db, tmp_path):
    """The first bar is on Tuesday 3 January 2023, one week before the year that ends with the last bar."""
    mappings = {"MNQ.c.0": [(date(2023, 1, 1), date(2024, 2, 1), FRONT)]}
    records = together(trading_day(-52 * 7, 60), trading_day(0))
    ingest(write_filled(tmp_path / "mnq.dbn", records, mappings=mappings, start=at(0, day=date(2023, 1, 1))))
    map_days(-52 * 7, 1)
    open_series(page)
    expect(page.locator("#coverage-range")).to_have_text("2023-01-09 to 2024-01-07")
    expect(page.get_by_role("button", name="Later")).to_be_disabled()
    page.get_by_role("button", name="Earlier").click()
    expect(page.locator("#coverage-range")).to_have_text("2023-01-02 to 2023-01-08")
    expect(find_day(page, "Tue 3 Jan 2023")).to_have_accessible_name("Tue 3 Jan 2023: 60 of 1,380 minutes, missing")
    expect(page.locator("#heat button")).to_have_count(4)
    expect(page.get_by_role("button", name="Earlier")).to_be_disabled()
    page.get_by_role("button", name="Later").click()
    expect(find_day(page, "Tue 2 Jan 2024")).to_be_visible()
