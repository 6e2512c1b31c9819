"""The overview and the page of a series."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.testing.builders import bars, ingest, write_filled
from config.testing.clocks import utc
from config.testing.life import replace_mappings
from config.testing.web.pages import create_failed_run, create_successful_run, read_page
from marketdata.command_line import manage
from marketdata.models import Series
from marketdata.runs.query import RUNS_PER_PAGE

HOSTILE = "<script>alert('x')</script> & \"q\".dbn"
FAILURES = "Failed, and not loaded since"


@pytest.mark.parametrize("address", ["/", "/series/mnq/"])
def test_pages_require_a_login(market_db, address):
    response = Client().get(address)
    assert response.status_code == 302
    assert response.url == f"{reverse('login')}?next={address}"


def test_a_slug_in_another_letter_case_is_redirected(page_client):
    response = page_client.get("/series/MNQ/?before=7")
    assert (response.status_code, response["Location"]) == (302, "/series/mnq/?before=7")


def test_an_unknown_series_is_not_found(page_client):
    assert page_client.get("/series/nothing/").status_code == 404


@pytest.mark.parametrize("query", ["?page=-1", "?page=x", "?before=x", f"?before={10**30}", "?q=%00", "?before=²"])
def test_invalid_queries_are_ignored(page_client, query):
    assert page_client.get(f"/{query}").status_code == 200


def test_pages_have_no_inline_code_that_the_security_policy_blocks(page_client, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", bars(3)))
    for address in ("/", "/series/mnq/", "/runs/1/"):
        html = read_page(page_client, address)
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", html)
        assert not re.search(r"<script(?![^>]*\ssrc=)", html)
        assert not re.search(r'(src|href)="(https?:)?//(?!www\.tradingview\.com/")', html)


@pytest.mark.parametrize(("address", "max_bytes"), [("/", 20_000), ("/series/mnq/", 130_000)])
def test_pages_are_small(page_client, tmp_path, address, max_bytes):
    """Compressed size with all scripts and styles. The limit promised for the overview is 200 KB."""
    ingest(write_filled(tmp_path / "mnq.dbn", bars(3)))
    Series.objects.bulk_create(Series(slug=f"s{number:02}", symbol=f"SYM {number:02}") for number in range(30))
    html = read_page(page_client, address)
    files = {Path(finders.find(name)) for name in re.findall(r'(?:src|href)="/static/(marketdata/[^"]+)"', html)}
    size = len(gzip.compress(html.encode())) + sum(len(gzip.compress(file.read_bytes())) for file in files)
    assert size < max_bytes, size


def test_hostile_names_are_escaped(page_client):
    run = create_failed_run(file_name=HOSTILE, file_path=f"/data/{HOSTILE}", error=f"{HOSTILE} is not a DBN file.")
    Series.objects.create(slug="odd", symbol=HOSTILE, name=HOSTILE)
    for address in ("/", f"/runs/{run.pk}/", "/series/odd/"):
        html = read_page(page_client, address)
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html


def test_the_number_of_queries_does_not_grow_with_series_and_runs(page_client, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", bars(3)))
    Series.objects.create(slug="none", symbol="NONE")
    addresses = ("/", "/series/mnq/", "/runs/1/")
    few = [count_queries(page_client, address) for address in addresses]
    Series.objects.bulk_create(Series(slug=f"s{number:02}", symbol=f"SYM {number:02}") for number in range(15))
    for number in range(12):
        create_failed_run(file_path=f"/data/{number}.dbn")
        create_successful_run(file_path=f"/data/ok{number}.dbn")
    many = [count_queries(page_client, address) for address in addresses]
    assert max(many) <= 22
    # One more on the overview: the failed runs.
    assert [count - before for count, before in zip(many, few, strict=True)] == [1, 0, 0]


def count_queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        read_page(client, address)
    return len(queries)


# --- The overview -----------------------------------------------------------------------------------------------------


def test_the_overview_of_an_empty_database_shows_the_first_steps(page_client):
    html = read_page(page_client, "/")
    assert "First steps" in html
    assert f"<code>{manage()} make_sample_dbn sample.dbn.zst" in html
    assert "No data ingested yet" in html
    assert "No file has been ingested yet." in html


def test_the_overview_shows_the_stored_bars(page_client, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", bars(3)))
    replace_mappings(Series.objects.get(slug="mnq"), (utc("2023-12-01"), utc("2024-01-03")))
    html = read_page(page_client, "/")
    assert "First steps" not in html
    assert "CME_MINI:MNQ1!" in html
    assert "2024-01-02 00:02" in html
    assert "years ago" in html
    assert "1 of the 33 days to 2024-01-02 have bars" in html
    assert reverse("series-page", args=["mnq"]) in html


def test_removed_bars_have_a_column_only_if_a_run_removed_some(page_client, tmp_path, capsys):
    ingest(write_filled(tmp_path / "mnq.dbn", bars(300)))
    assert "Removed" not in read_page(page_client, "/")
    call_command("undo_run", 1)
    for address in ("/", "/series/mnq/"):
        html = read_page(page_client, address)
        assert '<td role="cell" class="number removed" data-label="Removed">300</td>' in html
        assert '<td role="cell" class="number removed none" data-label="Removed">0</td>' in html


def test_a_failure_is_shown_first_until_its_file_is_loaded(page_client):
    create_successful_run(file_path="/data/other.dbn", file_sha256="b" * 64)
    failed = create_failed_run()
    create_successful_run(file_path="/data/third.dbn", file_sha256="c" * 64)
    html = read_page(page_client, "/")
    assert html.index(FAILURES) < html.index(failed.error) < html.index('<h2 id="series-title"')
    create_successful_run()  # the same path
    assert FAILURES not in read_page(page_client, "/")


def test_a_failure_is_resolved_by_the_same_content_from_another_path(page_client):
    create_failed_run(file_sha256="d" * 64, file_path="/elsewhere/x.dbn")
    create_successful_run(file_sha256="d" * 64)
    assert FAILURES not in read_page(page_client, "/")


def test_a_failure_after_a_success_is_shown(page_client):
    create_successful_run()
    create_failed_run()
    assert FAILURES in read_page(page_client, "/")


def test_long_lists_of_series_have_pages_and_a_search(page_client):
    Series.objects.bulk_create(Series(slug=f"s{number:02}", symbol=f"SYM {number:02}") for number in range(45))
    assert "Page 1 of 3" in read_page(page_client, "/")
    assert "SYM 44" not in read_page(page_client, "/")
    assert "SYM 44" in read_page(page_client, "/?page=3")
    found = read_page(page_client, "/?q=sym+07")
    assert "SYM 07" in found and "SYM 08" not in found
    assert "No series matches “zz”" in read_page(page_client, "/?q=zz")


def test_older_runs_are_on_the_next_page(page_client):
    for _ in range(RUNS_PER_PAGE + 1):
        create_successful_run()
    first, second = read_page(page_client, "/"), read_page(page_client, "/?before=2")
    assert "Older runs" in first and '/runs/1/"' not in first
    assert "Newest runs" in second and '/runs/1/"' in second


# --- A series ---------------------------------------------------------------------------------------------------------


def test_a_series_page_has_the_data_that_its_scripts_read(page_client, tmp_path):
    ingest(write_filled(tmp_path / "mnq.dbn", bars(3)))
    html = read_page(page_client, "/series/mnq/")
    assert 'data-bars-url="/api/market-data/mnq/ohlcv-1m/bars"' in html
    assert 'data-coverage-url="/api/market-data/mnq/coverage"' in html
    assert 'data-zone="America/Chicago"' in html
    assert 'data-last="2024-01-02T00:02:00+00:00"' in html
    assert "mnq.dbn" in html
    assert "TradingView" in html


@pytest.mark.parametrize(
    ("calendar", "day"), [("CME Globex Equity", "2024-01-03"), ("", "2024-01-02"), ("Mars", "2024-01-02")]
)
def test_a_series_page_has_the_trading_dates_of_its_bars(page_client, tmp_path, set_calendar, calendar, day):
    """23:15 UTC is on the next trading date in Chicago. An unknown calendar does not prevent the page."""
    ingest(write_filled(tmp_path / "mnq.dbn", bars(1, first=23 * 60 + 15)))
    set_calendar(calendar)
    assert f'data-first-day="{day}" data-last-day="{day}"' in read_page(page_client, "/series/mnq/")


def test_a_series_page_without_bars_shows_the_ingest_command(page_client):
    html = read_page(page_client, "/series/mnq/")
    assert "ingest_dbn --input FILE --symbol &#x27;CME_MINI:MNQ1!&#x27;" in html
    assert "No data ingested yet" in html
    assert "lightweight-charts.standalone" not in html
