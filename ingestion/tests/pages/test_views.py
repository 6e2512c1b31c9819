"""The page of one run."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.core.management import CommandError
from django.test import Client
from django.urls import reverse

from config.testing.builders import bars, ingest, save, together, write
from config.testing.processes import session
from config.testing.web.pages import RUN_TIME, create_failed_run, create_successful_run, read_page
from ingestion.undo.pipeline import undo_run
from marketdata.command_line import manage
from marketdata.models import IngestRun
from marketdata.runs.locks import lock_run
from marketdata.runs.query import open_failures

HARMLESS = "which changes no stored bar"
OVERWRITES = "overwrite values of later runs"


def other_values(count: int = 3, *, first: int = 0) -> np.ndarray:
    """The same minutes as `bars` with other values."""
    return bars(count, first=first, base=17_000)


def test_the_page_requires_a_login(market_db):
    response = Client().get("/runs/1/")
    assert response.status_code == 302
    assert response.url == f"{reverse('login')}?next=/runs/1/"


@pytest.mark.parametrize("pk", [1, 2**63, 10**40])
def test_an_unknown_run_is_not_found(page_client, pk):
    assert page_client.get(f"/runs/{pk}/").status_code == 404


def test_a_failed_run_shows_the_next_steps(page_client, tmp_path):
    path = save(tmp_path / "it's cut.dbn", b"DBN")
    with pytest.raises(CommandError, match="damaged"):
        ingest(path, symbol="A B")
    run = IngestRun.objects.get()
    html = read_page(page_client, f"/runs/{run.pk}/")
    assert "Nothing of this file was stored." in html
    assert "--symbol &#x27;A B&#x27; --dry-run" in html
    assert "it&#x27;s cut.dbn" in html


def test_a_failed_run_whose_file_was_loaded_since_shows_no_command(page_client):
    loaded_before, failed, loaded_since = create_successful_run(), create_failed_run(), create_successful_run()
    for run in (loaded_before, loaded_since):
        IngestRun.objects.filter(pk=run.pk).update(file_path=failed.file_path)
    html = read_page(page_client, f"/runs/{failed.pk}/")
    assert f'<a href="/runs/{loaded_since.pk}/">run {loaded_since.pk}</a> has loaded the file since.' in html
    assert "ingest_dbn" not in html
    IngestRun.objects.filter(pk=loaded_since.pk).delete()
    assert "ingest_dbn" in read_page(page_client, f"/runs/{failed.pk}/")


def test_a_successful_run_links_to_its_bars_and_to_other_runs_of_its_file(page_client, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(3))
    ingest(path)
    ingest(path)
    html = read_page(page_client, "/runs/2/")
    assert "All 3 bars were already stored with the same values. Nothing changed." in html
    assert '/series/mnq/?from=2024-01-02T00%3A00%3A00%2B00%3A00"' in html
    assert '<a href="/runs/1/">Run 1</a>' in html
    assert "Bars: 3 inserted." in read_page(page_client, "/runs/1/")


def test_a_long_run_is_shown_in_minutes(page_client):
    run = create_failed_run(finished_at=RUN_TIME + timedelta(minutes=5))
    assert "after 5 min" in read_page(page_client, f"/runs/{run.pk}/")


def test_a_running_run_is_not_shown_as_finished(page_client):
    run = create_failed_run(status="running", error="", finished_at=None)
    with session() as other:
        lock_run(other, run.pk)
        html = read_page(page_client, f"/runs/{run.pk}/")
    assert "Not finished." in html
    assert "not yet" in html


# --- Loading the file again -------------------------------------------------------------------------------------------


def test_loading_again_is_harmless_until_a_later_run_changes_the_bars(page_client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(3)))
    ingest(write(tmp_path / "same.dbn", bars(4)))
    assert HARMLESS in read_page(page_client, "/runs/1/") and HARMLESS in read_page(page_client, "/runs/2/")
    assert "--dry-run" not in read_page(page_client, "/runs/1/")
    ingest(write(tmp_path / "fix.dbn", together(bars(1), other_values(2, first=1))))
    for address in ("/runs/1/", "/runs/2/"):  # the file of the second run contains the same bars
        html = read_page(page_client, address)
        assert HARMLESS not in html
        assert f'{OVERWRITES}, which changed bars in this range: <a href="/runs/3/">run 3</a> ' in html
        assert html.index("--dry-run</code>") < html.index("If that is the intended result")
    assert HARMLESS in read_page(page_client, "/runs/3/")
    undo_run(run_id=3)
    assert HARMLESS in read_page(page_client, "/runs/1/") and HARMLESS in read_page(page_client, "/runs/2/")


def test_changes_outside_the_range_of_a_run_are_not_shown(page_client, tmp_path):
    ingest(write(tmp_path / "one.dbn", bars(3)))
    ingest(write(tmp_path / "two.dbn", bars(3, first=3)))
    ingest(write(tmp_path / "fix.dbn", together(bars(3), other_values(3, first=3))))
    assert HARMLESS in read_page(page_client, "/runs/1/")
    assert OVERWRITES in read_page(page_client, "/runs/2/")


def test_an_undo_of_an_earlier_run_counts_as_a_change(page_client, tmp_path):
    ingest(write(tmp_path / "one.dbn", bars(3)))
    ingest(write(tmp_path / "same.dbn", bars(5)))
    undo_run(run_id=1)
    assert '<a href="/runs/3/">run 3</a> (undo of run 1).' in read_page(page_client, "/runs/2/")


def test_loading_the_file_of_an_undone_run_would_reverse_the_undo(page_client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(4)))
    ingest(write(tmp_path / "fix.dbn", other_values(2)))
    undo_run(run_id=1)  # skips the two bars that run 2 changed
    html = read_page(page_client, "/runs/1/")
    assert HARMLESS not in html
    assert 'Undone by <a href="/runs/3/">run 3</a>, except 2 bars.' in html
    assert 'would reverse the undo by <a href="/runs/3/">run 3</a>, ' in html
    assert f'and {OVERWRITES}: <a href="/runs/2/">run 2</a>' in html
    undo_run(run_id=2)
    html = read_page(page_client, "/runs/1/")
    assert HARMLESS not in html and 'would reverse the undo by <a href="/runs/3/">run 3</a>.' in html


def test_only_the_newest_of_many_later_runs_are_named(page_client, tmp_path):
    for number in range(8):
        ingest(write(tmp_path / f"{number}.dbn", bars(2, base=16_000 + number)))
    html = read_page(page_client, "/runs/1/")
    assert 'run 8</a> (<span class="file">7.dbn</span>), ' in html
    assert "run 4</a>" in html and "and others." in html and "run 3</a>" not in html


def test_a_run_that_replaced_an_instrument_offers_a_dry_run_first(page_client):
    run = create_successful_run(replace_instrument=True)
    html = read_page(page_client, f"/runs/{run.pk}/")
    assert HARMLESS not in html and "--replace-instrument --dry-run</code>" in html


# --- Undo -------------------------------------------------------------------------------------------------------------


def test_an_undo_and_the_undone_run_link_to_each_other(page_client, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    undo_run(run_id=1)
    undone, undo = read_page(page_client, "/runs/1/"), read_page(page_client, "/runs/2/")
    assert 'Undone by <a href="/runs/2/">run 2</a>' in undone
    assert "Run 1 is undone. Bars: 5 removed." in undo
    assert '<a href="/runs/1/">run 1</a> (mnq.dbn)' in undo
    assert "ingest_dbn" not in undo
    assert "undo of run 1: mnq.dbn" in read_page(page_client, "/")


def test_a_failed_undo_shows_how_to_repeat_it(page_client):
    create_successful_run()
    failed = create_failed_run(kind="undo", undoes_id=IngestRun.objects.get().pk, file_path="")
    assert f"{manage()} undo_run {failed.undoes_id} --dry-run" in read_page(page_client, f"/runs/{failed.pk}/")
    assert not open_failures().exists()
