"""The pages, asked by Django's test client."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth import get_user_model
from django.contrib.staticfiles import finders
from django.core.management import CommandError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ingestion.tests.builders import bars, ingest, save, together, write
from ingestion.tests.processes import session
from ingestion.undo import undo_run
from marketdata.command_line import manage
from marketdata.live_runs import hold_run
from marketdata.models import IngestRun, Series
from marketdata.pages.advice import command_again, outcome
from marketdata.pages.reads import RUNS_PER_PAGE, open_failures
from marketdata.pages.strip import HEIGHT, draw_strip
from marketdata.pages.zones import exchange_zone

WHEN = datetime(2024, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<script>alert('x')</script> & \"q\".dbn"


@pytest.fixture
def client(market_db):
    user = get_user_model().objects.create_superuser("reader", "", "reader")
    client = Client()
    client.force_login(user)
    yield client
    user.delete()


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def a_run(**changes) -> IngestRun:
    """A failed run unless the changes say otherwise."""
    fields = {
        "file_name": "mnq.dbn", "file_path": "/data/mnq.dbn", "started_at": WHEN, "finished_at": WHEN,
        "status": "failed", "error": "The file is cut; get it anew.",
    }  # fmt: skip
    return IngestRun.objects.create(**(fields | changes))


def a_success(**changes) -> IngestRun:
    fields = {
        "status": "success", "error": "", "row_count": 1, "inserted_count": 1, "min_ts": WHEN, "max_ts": WHEN,
        "file_sha256": "a" * 64, "symbols": ["CME_MINI:MNQ1!"],
    }  # fmt: skip
    return a_run(**(fields | changes))


@pytest.mark.parametrize("address", ["/", "/series/mnq/", "/runs/1/"])
def test_pages_ask_for_a_login(market_db, address):
    answer = Client().get(address)
    assert answer.status_code == 302
    assert answer.url == f"{reverse('admin:login')}?next={address}"


@pytest.mark.parametrize("address", ["/series/nothing/", "/runs/1/", f"/runs/{2**63}/", f"/runs/{10**40}/"])
def test_what_is_not_there_is_404(client, address):
    assert client.get(address).status_code == 404


@pytest.mark.parametrize("query", ["?page=-1", "?page=x", "?before=x", f"?before={10**30}", "?q=%00", "?before=²"])
def test_odd_queries_are_no_error(client, query):
    assert client.get(f"/{query}").status_code == 200


def test_pages_hold_nothing_inline_that_a_strict_policy_forbids(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    for address in ("/", "/series/mnq/", "/runs/1/"):
        html = page(client, address)
        assert not re.search(r"\sstyle=|<style|\son\w+=|javascript:", html)
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", html))
        assert not re.search(r'(src|href)="(https?:)?//(?!www\.tradingview\.com/")', html)


@pytest.mark.parametrize(("address", "most"), [("/", 40_000), ("/series/mnq/", 130_000)])
def test_pages_are_light(client, tmp_path, address, most):
    """Compressed, with every script and style that they load; the promise for the overview is 200 KB."""
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    Series.objects.bulk_create(Series(slug=f"s{number:02}", symbol=f"SYM {number:02}") for number in range(30))
    html = page(client, address)
    files = {finders.find(name) for name in re.findall(r'(?:src|href)="/static/(marketdata/[^"]+)"', html)}
    files |= set((Path(finders.find("marketdata/js"))).glob("*.js"))
    weight = len(gzip.compress(html.encode())) + sum(len(gzip.compress(Path(one).read_bytes())) for one in files)
    assert weight < most


# --- The overview -----------------------------------------------------------------------------------------------------


def test_an_empty_table_shows_the_first_steps(client):
    html = page(client, "/")
    assert "First steps" in html
    assert f"<code>{manage()} make_sample_dbn sample.dbn.zst" in html
    assert "No data ingested yet" in html
    assert "No file has been ingested yet." in html


def test_the_overview_shows_what_the_table_holds(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    html = page(client, "/")
    assert "First steps" not in html
    assert "CME_MINI:MNQ1!" in html
    assert "2024-01-02 00:02" in html
    assert "years ago" in html
    assert "1 of the 56 days to 2024-01-02 have bars" in html
    assert reverse("series-page", args=["mnq"]) in html


def test_a_series_that_is_empty_again_says_why(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    undo_run(run_id=1)
    assert "Empty: run 2 took run 1 back" in page(client, "/")
    assert "No data ingested yet" not in page(client, "/")
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    assert "Empty" not in page(client, "/")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM market_bars_ohlcv_1m")
    assert "Empty: its bars were deleted after run 3" in page(client, "/")


def test_removed_bars_have_a_column_where_there_are_any(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(300)))
    assert "Removed" not in page(client, "/")
    undo_run(run_id=1)
    for address in ("/", "/series/mnq/"):
        html = page(client, address)
        assert '<td role="cell" class="number" data-label="Removed">300</td>' in html
        assert '<td role="cell" class="number none" data-label="Removed">0</td>' in html


def test_a_failure_is_on_top_until_its_file_is_loaded(client):
    a_success(file_path="/data/other.dbn", file_sha256="b" * 64)
    failed = a_run()
    a_success(file_path="/data/third.dbn", file_sha256="c" * 64)
    html = page(client, "/")
    assert html.index("Failed, and not loaded since") < html.index(failed.error) < html.index('<h2 id="series-title"')
    a_success()  # the same path
    assert "Failed, and not loaded since" not in page(client, "/")


def test_the_same_bytes_from_another_path_cure_a_failure_too(client):
    a_run(file_sha256="d" * 64, file_path="/elsewhere/x.dbn")
    a_success(file_sha256="d" * 64)
    assert "Failed, and not loaded since" not in page(client, "/")


def test_a_failure_after_the_success_stays_on_top(client):
    a_success()
    a_run()
    assert "Failed, and not loaded since" in page(client, "/")


def test_hostile_names_stay_text(client):
    run = a_run(file_name=HOSTILE, file_path=f"/data/{HOSTILE}", error=f"{HOSTILE} is no DBN file.")
    Series.objects.create(slug="odd", symbol=HOSTILE, name=HOSTILE)
    for address in ("/", f"/runs/{run.pk}/", "/series/odd/"):
        html = page(client, address)
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html


def test_long_lists_are_paged_and_searched(client):
    Series.objects.bulk_create(Series(slug=f"s{number:02}", symbol=f"SYM {number:02}") for number in range(45))
    assert "Page 1 of 3" in page(client, "/")
    assert "SYM 44" not in page(client, "/")
    assert "SYM 44" in page(client, "/?page=3")
    found = page(client, "/?q=sym+07")
    assert "SYM 07" in found and "SYM 08" not in found
    assert "No series matches “zz”" in page(client, "/?q=zz")


def test_older_runs_are_a_page_further(client):
    for _ in range(RUNS_PER_PAGE + 1):
        a_success()
    first, second = page(client, "/"), page(client, "/?before=2")
    assert "Older runs" in first and '/runs/1/"' not in first
    assert "Newest runs" in second and '/runs/1/"' in second


def test_the_number_of_queries_does_not_grow_with_series_and_runs(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    Series.objects.create(slug="none", symbol="NONE")
    addresses = ("/", "/series/mnq/", "/runs/1/")
    few = [_queries(client, address) for address in addresses]
    Series.objects.bulk_create(Series(slug=f"s{number:02}", symbol=f"SYM {number:02}") for number in range(15))
    for number in range(12):
        a_run(file_path=f"/data/{number}.dbn")
        a_success(file_path=f"/data/ok{number}.dbn")
    many = [_queries(client, address) for address in addresses]
    assert max(many) <= 12
    assert [count - before for count, before in zip(many, few, strict=True)] == [1, 0, 0]  # what cured the failures


def _queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        page(client, address)
    return len(queries)


def test_a_strip_is_as_high_as_hours_have_bars():
    last = datetime(2024, 1, 10, 9, tzinfo=UTC)
    strip = draw_strip({date(2024, 1, 10): 10, date(2024, 1, 9): 20, date(2023, 11, 16): 1}, last)
    columns = re.findall(r"M(\d+) (\d+)h3v(\d+)h-3z", strip.bars)
    assert columns == [("0", "18", "2"), ("216", "0", str(HEIGHT)), ("220", "10", "10")]
    assert strip.none.count("M") == 53
    assert strip.words == "3 of the 56 days to 2024-01-10 have bars"


# --- A series ---------------------------------------------------------------------------------------------------------


def test_a_series_page_carries_what_its_scripts_need(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    html = page(client, "/series/mnq/")
    assert 'data-bars-url="/api/market-data/mnq/ohlcv-1m/bars"' in html
    assert 'data-coverage-url="/api/market-data/mnq/coverage"' in html
    assert 'data-zone="America/Chicago"' in html
    assert 'data-last="2024-01-02T00:02:00+00:00"' in html
    assert "mnq.dbn" in html
    assert "TradingView" in html


@pytest.mark.parametrize(
    ("calendar", "day"), [("CME Globex Equity", "2024-01-03"), ("", "2024-01-02"), ("Mars", "2024-01-02")]
)
def test_a_series_page_tells_the_dates_that_its_bars_trade_on(client, tmp_path, calendar, day):
    """A quarter past 23:00 UTC is the next trading date in Chicago; a calendar that is none does not close the page."""
    ingest(write(tmp_path / "mnq.dbn", bars(1, first=23 * 60 + 15)))
    mnq = Series.objects.filter(slug="mnq")
    before = mnq.get().calendar
    mnq.update(calendar=calendar)
    html = page(client, "/series/mnq/")
    mnq.update(calendar=before)
    assert f'data-first-day="{day}" data-last-day="{day}"' in html


def test_an_empty_series_says_so(client):
    html = page(client, "/series/mnq/")
    assert "ingest_dbn --input FILE --symbol &#x27;CME_MINI:MNQ1!&#x27;" in html
    assert "No data ingested yet" in html
    assert "lightweight-charts.standalone" not in html


@pytest.mark.parametrize(
    ("calendar", "dataset", "zone"),
    [
        ("CME Globex Equity", "", "America/Chicago"),
        ("", "GLBX.MDP3", "America/Chicago"),
        ("NYSE", "", "America/New_York"),
        ("", "XNAS.ITCH", "America/New_York"),
        ("XETR", "", "UTC"),
        ("", "", "UTC"),
    ],
)
def test_the_exchange_clock_comes_from_calendar_or_dataset(calendar, dataset, zone):
    assert exchange_zone(Series(calendar=calendar, dataset=dataset)) == zone


# --- A run ------------------------------------------------------------------------------------------------------------


def test_a_failed_run_says_what_to_do(client, tmp_path):
    path = save(tmp_path / "it's cut.dbn", b"DBN")
    with pytest.raises(CommandError, match="damaged"):
        ingest(path, symbol="A B")
    run = IngestRun.objects.get()
    html = page(client, f"/runs/{run.pk}/")
    assert "Nothing of this file was stored." in html
    assert "--symbol &#x27;A B&#x27; --dry-run" in html
    assert "it&#x27;s cut.dbn" in html


def test_a_failed_run_whose_file_was_loaded_since_offers_no_command(client):
    loaded_before, failed, loaded_since = a_success(), a_run(), a_success()
    for run in (loaded_before, loaded_since):
        IngestRun.objects.filter(pk=run.pk).update(file_path=failed.file_path)
    html = page(client, f"/runs/{failed.pk}/")
    assert f'<a href="/runs/{loaded_since.pk}/">run {loaded_since.pk}</a> has loaded the file since.' in html
    assert "ingest_dbn" not in html
    IngestRun.objects.filter(pk=loaded_since.pk).delete()
    assert "ingest_dbn" in page(client, f"/runs/{failed.pk}/")


def test_the_command_is_quoted_and_complete():
    run = IngestRun(
        file_path="/data/it's here.dbn", requested_symbol="-X", row_limit=5, publisher_id=2, replace_instrument=True
    )
    assert command_again(run, dry_run=True) == (
        f"{manage()} ingest_dbn --input '/data/it'\"'\"'s here.dbn' "
        "--symbol=-X --limit 5 --publisher 2 --replace-instrument --dry-run"
    )


def test_a_successful_run_leads_to_its_bars_and_its_other_runs(client, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(3))
    ingest(path)
    ingest(path)
    html = page(client, "/runs/2/")
    assert "All 3 bars were there already, with the same values. Nothing changed." in html
    assert '/series/mnq/?from=2024-01-02T00%3A00%3A00%2B00%3A00"' in html
    assert '<a href="/runs/1/">Run 1</a>' in html
    assert "Bars: 3 inserted." in page(client, "/runs/1/")


ALONE = "which leaves what is there already alone"
OVER = "put its values over those of later runs"


def other(count: int = 3, *, first: int = 0) -> np.ndarray:
    """The same minutes with other values."""
    return bars(count, first=first, base=17_000)


def test_loading_a_file_once_more_is_harmless_until_a_later_run_changed_its_bars(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    ingest(write(tmp_path / "same.dbn", bars(4)))
    assert ALONE in page(client, "/runs/1/") and ALONE in page(client, "/runs/2/")
    assert "--dry-run" not in page(client, "/runs/1/")
    ingest(write(tmp_path / "fix.dbn", together(bars(1), other(2, first=1))))
    for address in ("/runs/1/", "/runs/2/"):  # the second had found two of the bars there, and its file has them too
        html = page(client, address)
        assert ALONE not in html
        assert f'{OVER}, which changed bars of this stretch: <a href="/runs/3/">run 3</a> ' in html
        assert html.index("--dry-run</code>") < html.index("Only if that is what you want")
    assert ALONE in page(client, "/runs/3/")
    undo_run(run_id=3)
    assert ALONE in page(client, "/runs/1/") and ALONE in page(client, "/runs/2/")


def test_changes_beside_a_runs_stretch_do_not_concern_it(client, tmp_path):
    ingest(write(tmp_path / "one.dbn", bars(3)))
    ingest(write(tmp_path / "two.dbn", bars(3, first=3)))
    ingest(write(tmp_path / "fix.dbn", together(bars(3), other(3, first=3))))
    assert ALONE in page(client, "/runs/1/")
    assert OVER in page(client, "/runs/2/")


def test_an_undo_of_an_earlier_run_counts_as_a_change(client, tmp_path):
    ingest(write(tmp_path / "one.dbn", bars(3)))
    ingest(write(tmp_path / "same.dbn", bars(5)))
    undo_run(run_id=1)
    assert '<a href="/runs/3/">run 3</a> (undo of run 1).' in page(client, "/runs/2/")


def test_an_undone_run_says_that_loading_it_again_reverses_that(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(4)))
    ingest(write(tmp_path / "fix.dbn", other(2)))
    undo_run(run_id=1)  # but for the two
    html = page(client, "/runs/1/")
    assert ALONE not in html
    assert 'would bring back what <a href="/runs/3/">run 3</a> took away, ' in html
    assert f'and {OVER}: <a href="/runs/2/">run 2</a>' in html
    undo_run(run_id=2)
    html = page(client, "/runs/1/")
    assert ALONE not in html and "run 3</a> took away." in html


def test_many_later_runs_are_not_all_named(client, tmp_path):
    for number in range(8):
        ingest(write(tmp_path / f"{number}.dbn", bars(2, base=16_000 + number)))
    html = page(client, "/runs/1/")
    assert 'run 8</a> (<span class="file">7.dbn</span>), ' in html
    assert "run 4</a>" in html and "and others." in html and "run 3</a>" not in html


def test_a_run_that_replaces_an_instrument_is_tried_dry_first(client):
    run = a_success(replace_instrument=True)
    html = page(client, f"/runs/{run.pk}/")
    assert ALONE not in html and "--replace-instrument --dry-run</code>" in html


def test_a_running_run_is_not_called_done(client):
    run = a_run(status="running", error="", finished_at=None)
    with session() as other:
        hold_run(other, run.pk)  # its process lives
        html = page(client, f"/runs/{run.pk}/")
    assert "Not finished." in html
    assert "not yet" in html


def test_an_outcome_names_what_happened_and_nothing_else():
    run = IngestRun(status="success", row_count=9, inserted_count=4, updated_count=5, changed_count=2, removed_count=7)
    assert outcome(run) == (
        "Bars: 4 inserted; 2 given new values; 3 there already, left alone; 7 of another instrument removed."
    )


def test_a_long_run_is_told_in_minutes(client):
    run = a_run(finished_at=WHEN + timedelta(minutes=5))
    assert "after 5 min" in page(client, f"/runs/{run.pk}/")


def test_an_undo_and_what_it_took_back_point_to_each_other(client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    undo_run(run_id=1)
    undone, undo = page(client, "/runs/1/"), page(client, "/runs/2/")
    assert 'Undone by <a href="/runs/2/">run 2</a>' in undone
    assert "Took run 1 back. Bars: 5 removed." in undo
    assert '<a href="/runs/1/">run 1</a> (mnq.dbn)' in undo
    assert "ingest_dbn" not in undo
    assert "undo of run 1: mnq.dbn" in page(client, "/")


def test_an_undo_that_failed_says_how_to_try_again(client):
    a_success()
    failed = a_run(kind="undo", undoes_id=IngestRun.objects.get().pk, file_path="")
    assert f"{manage()} undo_run {failed.undoes_id} --dry-run" in page(client, f"/runs/{failed.pk}/")
    assert open_failures() == []
