"""Findings on the page of a series: in the chart, in the list, in the heat map; and on the overview."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from playwright.sync_api import expect

from config.testing.rows import QUALITY, insert
from config.testing.web.browser import open_page
from config.testing.web.chart import go_to, keep_chart, open_series, read_chart, read_visible, settle
from marketdata.models import QualityFinding, Series
from marketdata.quality.actions import resolve

pytestmark = pytest.mark.slow

FINDINGS = next(iter(QUALITY))


@pytest.fixture
def findings(mnq):
    """Two unresolved findings of Tuesday 2 January, and a resolved one of Wednesday."""
    QualityFinding.objects.all().delete()
    series = Series.objects.get(slug="mnq").pk
    insert(FINDINGS, id=1, series_id=series, start="2024-01-02 10:00Z", end="2024-01-02 10:05Z")
    insert(
        FINDINGS, id=2, series_id=series, kind="volume_zero", severity="warning", start="2024-01-02 12:00Z",
        end="2024-01-02 12:01Z", text="Bars without volume.",
    )  # fmt: skip
    insert(FINDINGS, id=3, series_id=series, start="2024-01-03 10:00Z", end="2024-01-03 10:10Z", text="It came back.")
    resolve([3], user="ann", note="a real print")


def test_the_address_of_a_finding_opens_it_in_the_chart(page, findings):
    keep_chart(page)
    open_series(page, "?from=2024-01-02T08:00Z&finding=1")
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 10:00 UTC")
    items = page.locator("#findings-list li")
    expect(page.locator("#findings-list [aria-current]")).to_have_text(
        re.compile(r"^!! error spike Tue 2024-01-02 10:00 to 10:05 UTC")
    )
    expect(items.first).to_contain_text("The price left its range and came back.")
    expect(items.first.get_by_role("link")).to_have_attribute("href", "/quality/1/")
    assert "finding=1" in page.url
    assert sorted(read_chart(page))[round(sum(read_visible(page)) / 2)] == datetime(2024, 1, 2, 10, 2, tzinfo=UTC)
    page.get_by_text("1h", exact=True).click()
    expect(page.locator("#findings-count")).to_have_text("2 findings in the shown range")
    assert "finding=1" in page.url
    page.get_by_role("button", name="Latest").click()
    settle(page)
    assert "finding" not in page.url


def test_a_resolved_finding_is_marked_while_it_is_open(page, findings):
    open_series(page, "?finding=3")
    expect(page.locator("#findings-list [aria-current]")).to_contain_text("resolved It came back.")
    page.get_by_role("button", name="Latest").click()
    settle(page)
    expect(page.locator("#findings-list")).not_to_contain_text("It came back.")


def test_days_with_findings_are_marked_and_counted(page, findings):
    open_series(page)
    marked = page.locator("#heat .heat-finding")
    expect(marked).to_have_count(1)
    expect(marked).to_have_accessible_name(re.compile(r"^Tue 2 Jan 2024: .*, 2 findings$"))
    expect(page.locator("#finding-count")).to_have_text(re.compile(r"2\s+not resolved"))
    go_to(page, "2024-01-02")
    settle(page)
    page.get_by_title("Show in the chart").last.click()
    expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 12:00 UTC")
    assert "finding=2" in page.url
    page.goto("/")
    page.get_by_role("link", name="2 findings").click()
    expect(page.get_by_role("heading", name="Findings 2")).to_be_visible()


@pytest.mark.parametrize(
    ("number", "message"), [("99", "There is no finding 99."), ("4", "Finding 4 is not one of this series.")]
)
def test_a_finding_that_is_none_of_the_series_is_reported(browser, site, reader, findings, number, message):
    insert(FINDINGS, id=4, series_id=None, identity="run 1", kind="run_failed")
    with open_page(browser, site, reader=reader, allowed_error="404") as page:
        page.goto(f"/series/mnq/?from=2024-01-02T08:00Z&finding={number}")
        expect(page.get_by_role("status")).to_have_text(message)
        expect(page.locator("#legend .when")).to_have_text("Tue 2024-01-02 08:00 UTC")
