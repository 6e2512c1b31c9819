"""A split on the pages, in the API and in the admin: what it moved, and how it is repeated or reversed."""

from __future__ import annotations

from datetime import date

import pytest
from django.core.management import call_command
from django.urls import reverse

from config.testing.earlier_version import NQH2015, NQH2025, age_database, contract_bars, load, map_always
from config.testing.web.pages import RUN_TIME, read_page
from ingestion.errors import InputError
from ingestion.pages.details import list_details
from ingestion.pages.next_steps import build_retry_command, describe_outcome
from ingestion.retry import retry_run
from ingestion.split.pipeline import split_contracts
from ingestion.undo.pipeline import undo_run
from marketdata.command_line import manage
from marketdata.models import IngestRun
from marketdata.pages.presenters import RunRow
from marketdata.runs.query import find_runs_of_same_file, open_failures


@pytest.fixture
def split(market_db, tmp_path) -> IngestRun:
    load(tmp_path, map_always("NQH5", NQH2015), contract_bars(NQH2015, date(2014, 12, 1)))
    load(tmp_path, map_always("NQH5", NQH2025), contract_bars(NQH2025, date(2024, 12, 2), count=1))
    age_database()
    run = split_contracts().run
    assert run is not None
    return run


@pytest.fixture
def failed(market_db) -> IngestRun:
    run = IngestRun(kind="split", status="failed", error="It failed.", symbols=["NQH5"])
    run.started_at = run.finished_at = RUN_TIME
    run.save()
    return run


def test_the_page_of_a_split(split, page_client):
    html = read_page(page_client, f"/runs/{split.pk}/")
    assert "split of NQH5" in html
    assert "4 bars moved from 1 series, named by raw symbols, to 2 series of their contracts." in html
    assert "NQH5 to NQH2015: 3 bars, from 2014-12-01 to 2014-12-01" in html
    assert "NQH5 to NQH2025: 1 bar, from 2024-12-02 to 2024-12-02" in html
    assert f"{manage()} undo_run {split.pk} --dry-run" in html
    assert "ingest_dbn" not in html
    assert "sha256" not in html
    assert 'href="/series/nqh2025/' in html


def test_the_page_of_an_undone_split_and_of_its_undo(split, page_client):
    undo = undo_run(run_id=split.pk).run
    html = read_page(page_client, f"/runs/{split.pk}/")
    assert f"{manage()} split_contracts --series nqh5" in html
    html = read_page(page_client, f"/runs/{undo.pk}/")
    assert f"The split of run {split.pk} is undone. 4 bars moved back to their earlier series." in html
    assert f"undo of run {split.pk}: a split" in html
    assert "load the file of" not in html


def test_the_page_of_a_failed_split(failed, page_client):
    html = read_page(page_client, f"/runs/{failed.pk}/")
    assert "No bar was moved." in html
    assert f"{manage()} split_contracts --dry-run" in html
    assert "ingest_dbn" not in html
    running = IngestRun(pk=9, kind="split", status="running", symbols=["NQH5"])
    assert describe_outcome(running) == "Not finished. No bar is moved until it is."


def test_a_failed_split_is_no_file_to_load(failed, page_client):
    assert not open_failures().exists()
    assert find_runs_of_same_file(failed) == []
    with pytest.raises(InputError, match=r"is a split, without a file: retry it with .* split_contracts"):
        retry_run(failed)
    assert "It failed." not in read_page(page_client, "/").split("runs-title")[0]


def test_the_home_page_lists_splits_by_what_they_did(split, page_client):
    assert "split of NQH5" in read_page(page_client, "/")


def test_the_command_names_the_series_that_are_left(split):
    assert build_retry_command(split) == f"{manage()} split_contracts"
    undo_run(run_id=split.pk)
    assert build_retry_command(split, dry_run=True) == f"{manage()} split_contracts --series nqh5 --dry-run"


def test_many_moves_are_cut(split):
    (move,) = split.moves[:1]
    split.moves = [move | {"to": f"X{number}"} for number in range(60)]
    (moved,) = (detail for detail in list_details(RunRow(split)) if detail.name == "Moved")
    assert moved.text.count("<br>") == 50
    assert moved.text.endswith("and others, 60 in total")


def test_titles_name_the_first_series():
    moves = [{"from": name} for name in ("A", "B", "B", "C", "D", "E")]
    assert IngestRun(kind="split", moves=moves).title == "split of A, B, C and 2 more"
    assert IngestRun(kind="split").title == "split"
    assert IngestRun(kind="undo", undoes_id=3, file_name="a.dbn").title == "undo of run 3: a.dbn"


def test_the_api_lists_the_moves(split, page_client):
    for body in (
        page_client.get(f"/api/ingest-runs/{split.pk}/").json(),
        page_client.get("/api/ingest-runs/").json()["results"][0],
    ):
        assert body["kind"] == "split"
        assert body["moves"] == [
            {"from": "NQH5", "to": "NQH2015", "start": "2014-12-01", "end": "2014-12-02", "bars": 3},
            {"from": "NQH5", "to": "NQH2025", "start": "2024-12-02", "end": "2024-12-03", "bars": 1},
        ]
    undo = undo_run(run_id=split.pk).run
    body = page_client.get(f"/api/ingest-runs/{undo.pk}/").json()
    assert [(move["from"], move["to"], move["bars"]) for move in body["moves"]] == [
        ("NQH2015", "NQH5", 3), ("NQH2025", "NQH5", 1),
    ]  # fmt: skip
    assert page_client.get("/api/ingest-runs/1/").json()["moves"] is None


def test_runs_are_found_by_their_contracts(split, page_client):
    found = page_client.get("/api/ingest-runs/?series=nqh2025").json()["results"]
    assert [run["id"] for run in found] == [split.pk, split.pk - 1]


@pytest.mark.slow
def test_the_admin(split, admin_client):
    html = admin_client.get(reverse("admin:marketdata_ingestrun_changelist") + "?kind__exact=split").content.decode()
    assert "split of NQH5" in html
    assert "0.dbn" not in html
    page = reverse("admin:marketdata_ingestrun_change", args=[split.pk])
    assert "NQH2015" in admin_client.get(page).content.decode()


def test_verify_candles_agrees(split, capsys):
    call_command("verify_candles")
    assert "NQH2015: 1 hour agrees with 3 bars." in capsys.readouterr().out
