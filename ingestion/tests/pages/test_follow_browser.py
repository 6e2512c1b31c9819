"""Pages that follow running runs and jobs without a reload, in the browser, with real loads and a real worker."""

from __future__ import annotations

import contextlib
import time

import pytest
from django.contrib.sessions.models import Session
from playwright.sync_api import expect

from config.testing.builders import bars, ingest, stored, write
from config.testing.processes import Process, backend_in, running, scale_limit, series_locked, until
from config.testing.web.browser import open_page
from config.testing.web.pages import create_failed_run

pytestmark = pytest.mark.slow

WAITING = "SELECT pg_advisory_xact_lock%"
MARK = "window.notReloaded = true"


def two_seconds() -> float:
    """In milliseconds: two seconds, and what a busy machine adds."""
    return scale_limit(3) * 1000


@pytest.fixture
def path(market_db, tmp_path):
    return write(tmp_path / "mnq.dbn", bars(50))


def start_worker(*options: str) -> Process:
    return Process("--interval", "0.2", "--no-startup-delay", *options, command="db_worker")


def count_requests(page, address: str) -> list[str]:
    found: list[str] = []
    page.on("request", lambda request: found.append(request.url) if request.url.endswith(address) else None)
    return found


def assert_not_reloaded(page) -> None:
    assert page.evaluate("window.notReloaded")


def test_the_page_of_a_run_follows_it_and_then_stops(page, path):
    with contextlib.ExitStack() as stack:
        with series_locked():
            process = stack.enter_context(Process("--input", path))
            until(lambda: backend_in(WAITING))
            page.goto("/runs/1/")
            page.evaluate(MARK)
            polls = count_requests(page, "/runs/1/state/")
            expect(page.locator("p.progress")).to_have_text(
                "Waiting for other writers of these series", timeout=two_seconds()
            )
            expect(page.get_by_role("heading", level=1)).to_contain_text("running")
        assert process.end().code == 0
    expect(page.get_by_role("heading", level=1)).to_contain_text("success", timeout=two_seconds())
    assert page.title().startswith("Run 1 success")
    expect(page.get_by_text("Bars: 50 inserted.")).to_be_visible()
    assert_not_reloaded(page)
    page.wait_for_timeout(1500)
    before = len(polls)
    assert before
    page.wait_for_timeout(2500)
    assert len(polls) == before


def test_unchanged_states_are_answered_without_a_body(page, path):
    with series_locked(), Process("--input", path):
        until(lambda: backend_in(WAITING))
        statuses: list[int] = []
        page.on("response", lambda one: statuses.append(one.status) if one.url.endswith("/state/") else None)
        page.goto("/runs/1/")
        until(lambda: page.wait_for_timeout(100) or 304 in statuses)


@pytest.mark.slow
def test_a_hidden_page_does_not_poll(page, path):
    with series_locked(), Process("--input", path):
        until(lambda: backend_in(WAITING))
        page.goto("/runs/1/")
        polls = count_requests(page, "/state/")
        until(lambda: page.wait_for_timeout(100) or polls)
        hide = (
            "Object.defineProperty(document, 'hidden', {value: %s, configurable: true});"
            "document.dispatchEvent(new Event('visibilitychange'))"
        )
        page.evaluate(hide % "true")
        page.wait_for_timeout(300)
        before = len(polls)
        page.wait_for_timeout(2500)
        assert len(polls) == before
        page.evaluate(hide % "false")
        until(lambda: page.wait_for_timeout(50) or len(polls) > before, seconds=2)


@pytest.mark.slow
def test_a_login_that_ends_is_reported_and_ends_the_polls(page, path):
    with series_locked(), Process("--input", path):
        until(lambda: backend_in(WAITING))
        page.goto("/runs/1/")
        Session.objects.all().delete()
        expect(page.get_by_text("You are no longer logged in: reload the page.")).to_have_count(1)
        polls = count_requests(page, "/state/")
        page.wait_for_timeout(2500)
        assert not polls


def test_the_overview_shows_a_run_from_its_wait_to_its_end(page, path):
    with series_locked(), Process("--input", path):
        until(lambda: backend_in(WAITING))
        page.goto("/")
        page.evaluate(MARK)
        rows = page.get_by_role("region", name="Last runs").locator("tbody tr")
        expect(rows.first.locator(".progress")).to_contain_text("Waiting for other writers", timeout=two_seconds())
        release = time.monotonic()
    expect(rows.first).to_contain_text("failed", timeout=two_seconds())
    expect(page.get_by_role("region", name="Failed, and not loaded since")).to_be_visible()
    expect(page).to_have_title("1 failed · Barkeep")
    assert_not_reloaded(page)
    assert time.monotonic() - release < 10


def test_a_running_load_of_the_command_line_is_cancelled_on_its_page(page, path):
    with series_locked(), Process("--input", path) as process:
        until(lambda: backend_in(WAITING))
        page.goto("/runs/1/")
        clicked = time.monotonic()
        page.get_by_role("button", name="Cancel").click()
        until(lambda: not running())
        seconds = time.monotonic() - clicked
        ended = process.end(10)
    assert ended.sentence.startswith("Cancelled by reader: nothing of this file was stored.")
    expect(page.get_by_role("heading", level=1)).to_contain_text("failed", timeout=two_seconds())
    expect(page.get_by_role("region", name="Error")).to_contain_text("Cancelled by reader")
    assert seconds < scale_limit(2)
    assert not stored()


def test_try_again_is_followed_from_the_request_to_the_bars(page, path):
    run = create_failed_run(file_path=str(path))
    page.goto(f"/runs/{run.pk}/")
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text("No worker is running: start one with")).to_be_visible()
    page.evaluate(MARK)
    with start_worker():
        expect(page.get_by_role("heading", level=1)).to_have_text(f"Try run {run.pk} again done")
        expect(page.get_by_text("No worker is running")).not_to_be_visible()
    assert_not_reloaded(page)
    page.get_by_role("link", name="run 2", exact=True).click()
    expect(page.get_by_text("Requested by reader.")).to_be_visible()
    assert len(stored()) == 50


def test_undo_shows_its_numbers_asks_and_is_done(page, path):
    ingest(path)
    with start_worker():
        page.goto("/runs/1/")
        page.get_by_role("link", name="Undo").click()
        expect(page.get_by_role("row", name="Removed", exact=False).first).to_contain_text("50")
        assert len(stored()) == 50
        page.get_by_role("button", name="Undo run 1").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Undo run 1 done")
    assert not stored()
    page.goto("/")
    expect(page.get_by_role("region", name="Last runs")).to_contain_text("undone by run 2")


def test_dismiss_asks_for_a_reason(page, market_db):
    run = create_failed_run()
    page.goto(f"/runs/{run.pk}/")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_role("button", name="Dismiss")).to_be_visible()  # the browser refuses an empty reason
    page.get_by_label("Needs no attention, because").fill("a test file")
    page.get_by_role("button", name="Dismiss").click()
    expect(page.get_by_text("a test file")).to_contain_text("Dismissed by reader")
    page.goto("/")
    expect(page).to_have_title("Barkeep")


def test_actions_work_without_scripts_and_on_a_phone(browser, site, reader, path):
    run = create_failed_run(file_path=str(path))
    with open_page(browser, site, reader=reader, viewport={"width": 390, "height": 844}) as page:
        page.goto(f"/runs/{run.pk}/")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("No worker is running")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
