"""The admin and the API's docs page in the browser."""

import pytest
from django.core.management.base import CommandError
from playwright.sync_api import expect

from config.testing.builders import bars, ingest, stored, write
from config.testing.processes import Process
from marketdata.models import IngestRun


@pytest.fixture
def failed_run(market_db, tmp_path):
    """The failed run of a file that was cut off and is complete now, after a successful run of another file."""
    ingest(write(tmp_path / "first.dbn", bars(3)))
    path = write(tmp_path / "second.dbn.zst", bars(3, first=3))
    complete = path.read_bytes()
    path.write_bytes(complete[:-9])
    with pytest.raises(CommandError):
        ingest(path)
    path.write_bytes(complete)
    return IngestRun.objects.get(status="failed")


def test_a_failed_run_is_retried(page, failed_run):
    page.goto("/admin/")
    page.get_by_role("link", name="1 ingest run failed, and is unresolved").click()
    expect(page.locator("#result_list tbody tr")).to_have_count(1)
    expect(page.locator(".run-failed")).to_have_text("failed")
    colour = page.locator(".run-failed").evaluate("element => getComputedStyle(element).color")
    assert colour in ("rgb(207, 34, 46)", "rgb(255, 123, 114)")

    page.locator("input.action-select").check()
    page.get_by_label("Action:").select_option("try_again")
    page.get_by_role("button", name="Go", exact=False).first.click()

    expect(page.locator(".messagelist .success")).to_contain_text("Requested: try run 2 again.")
    page.get_by_role("link", name="Requested").click()
    expect(page.get_by_text("No worker is running: start one with")).to_be_visible()
    with Process("--batch", "--no-startup-delay", command="db_worker"):
        expect(page.get_by_role("link", name="run 3")).to_be_visible()
        expect(page.get_by_role("heading", level=1)).to_have_text("Try run 2 again done")
    assert len(stored()) == 6


def test_bars_of_one_series_are_searched_by_time(page, failed_run):
    page.goto("/admin/marketdata/browsablebar/?series=CME_MINI%3AMNQ1!&q=2024-01-02T00:01")
    expect(page.locator("#result_list tbody tr")).to_have_count(2)
    expect(page.locator("#result_list tbody tr").first).to_contain_text("2024-01-02 00:01")


def test_the_docs_page_lists_every_endpoint(page, failed_run):
    page.goto("/api/docs/")
    expect(page.locator(".opblock-summary-path").first).to_be_visible()
    expect(page.locator(".opblock")).to_have_count(18)
