"""The admin pages of runs, series and bars."""

import re

import pytest
from django.contrib.auth import get_user_model
from django.core.management.base import CommandError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.testing.builders import bars, ingest, stored, undo_run, write
from config.testing.contract_series import create_contract, create_nq_contracts
from config.testing.processes import run
from marketdata.command_line import manage
from marketdata.models import IngestRun, Series

RUNS = "/admin/marketdata/ingestrun/"


@pytest.fixture
def failed(market_db, tmp_path):
    """A run that failed because its file was incomplete. The file is complete now."""
    path = write(tmp_path / "mnq.dbn.zst", bars(5))
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    with pytest.raises(CommandError):
        ingest(path, limit=3)
    path.write_bytes(content)
    return IngestRun.objects.get()


def test_failed_runs_are_highlighted_with_their_error(operator, failed):
    page = operator.get(RUNS, {"status__exact": "failed"}).content.decode()
    assert 'class="run-failed">failed' in page
    assert "is cut off" in page
    assert operator.get(RUNS, {"q": failed.file_sha256}).content.decode().count('class="field-file"') == 1


def test_the_detail_has_the_complete_error_and_the_files_other_runs(operator, failed, tmp_path):
    path = tmp_path / "mnq.dbn.zst"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(CommandError):
        ingest(path)
    page = operator.get(f"{RUNS}{failed.pk}/change/").content.decode()
    assert "download it again" in page
    assert f"run {failed.pk + 1}</a>" in page


def test_no_run_can_be_added_changed_or_deleted(operator, failed):
    assert operator.get(f"{RUNS}add/").status_code == 403
    assert operator.post(f"{RUNS}{failed.pk}/change/", {"status": "success"}).status_code == 403
    assert operator.post(f"{RUNS}{failed.pk}/delete/", {"post": "yes"}).status_code == 403
    delete = {"action": "delete_selected", "_selected_action": failed.pk, "post": "yes"}
    operator.post(RUNS, delete)
    assert IngestRun.objects.get().status == "failed"


def test_trying_again_is_left_to_a_worker(operator, failed):
    page = operator.post(RUNS, {"action": "try_again", "_selected_action": failed.pk}, follow=True).content.decode()
    assert f"Requested</a>: try run {failed.pk} again." in page
    assert f"No worker is running: start one with {manage()} db_worker" in page
    assert IngestRun.objects.count() == 1
    run(*("--batch", "--no-startup-delay"), command="db_worker")
    again = IngestRun.objects.latest("pk")
    assert (again.status, again.row_limit, len(stored())) == ("success", 3, 3)
    assert again.requested_by == "operator"
    failed.refresh_from_db()
    assert failed.status == "failed"


def test_an_error_while_trying_again_is_shown(operator, failed, tmp_path):
    ingest(tmp_path / "mnq.dbn.zst")
    loaded = IngestRun.objects.latest("pk")
    page = operator.post(RUNS, {"action": "try_again", "_selected_action": loaded.pk}, follow=True).content.decode()
    assert "only failed runs can be retried" in page


def test_trying_again_needs_the_permission_to_add_runs(failed, client):
    user = get_user_model().objects.create_user("guest", is_staff=True)
    from django.contrib.auth.models import Permission

    user.user_permissions.add(Permission.objects.get(codename="view_ingestrun"))
    client.force_login(user)
    try:
        assert "mnq.dbn.zst" in client.get(RUNS).content.decode()
        client.post(RUNS, {"action": "try_again", "_selected_action": failed.pk})
        assert IngestRun.objects.count() == 1
    finally:
        user.delete()


def test_the_front_page_counts_what_its_link_lists(operator, failed, tmp_path):
    ingest(write(tmp_path / "other.dbn", bars(5, first=5)))
    page = operator.get("/admin/").content.decode()
    assert "1 ingest run failed, and is unresolved" in page
    assert f'href="{RUNS}?attention=unresolved"' in page
    listed = operator.get(RUNS, {"attention": "unresolved"}).content.decode()
    assert re.findall(r'class="field-id"><a href="[^"]+">(\d+)', listed) == [str(failed.pk)]
    ingest(tmp_path / "mnq.dbn.zst")
    assert "unresolved" not in operator.get("/admin/").content.decode()
    assert 'class="field-id"' not in operator.get(RUNS, {"attention": "unresolved"}).content.decode()


def test_bars_are_browsed_by_series_and_time_without_counting_the_table(operator, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    address = "/admin/marketdata/browsablebar/"
    assert "16800" not in operator.get(address).content.decode()
    with CaptureQueriesContext(connection) as queries:
        page = operator.get(address, {"series": "CME_MINI:MNQ1!", "q": "2024-01-02T00:03"}).content.decode()
    assert page.count("field-utc") == 2
    counts = [query["sql"] for query in queries if "COUNT" in query["sql"] and "market_bars" in query["sql"]]
    assert counts
    assert all("LIMIT 10000" in sql for sql in counts)
    assert operator.get(address, {"series": "CME_MINI:MNQ1!", "q": "soon"}).status_code == 200
    ranged = operator.get(address, {"series": "CME_MINI:MNQ1!", "q": "2024-01-02T00:01..2024-01-02T00:04"})
    assert ranged.content.decode().count("field-utc") == 3


def test_a_series_can_be_edited_except_for_its_symbol(operator):
    series = Series.objects.get(slug="mnq")
    page = operator.get(f"/admin/marketdata/series/{series.pk}/change/").content.decode()
    assert "MNQ.c.0" in page
    assert 'name="symbol"' not in page


def test_the_list_of_series_shows_and_filters_contracts(operator):
    create_nq_contracts()
    create_contract("GEH5 #12345", kind="outright", root="GE", contract_month=3, is_settled=False)
    address = "/admin/marketdata/series/"
    page = operator.get(address, {"kind__exact": "outright"}).content.decode()
    assert re.findall(r'<td class="field-contract">([^<]+)', page) == ["?-03", "2015-03", "2025-03", "2025-06"]
    assert [re.findall(r'<td class="field-active"><img[^>]*alt="(\w+)"', page)] == [["None", "False", "False", "False"]]
    assert operator.get(address, {"q": "GE", "o": "5"}).content.decode().count('class="field-slug"') == 1


def test_the_contract_of_a_series_is_read_only(operator):
    create_nq_contracts()
    series = Series.objects.get(slug="nqh2025")
    address = f"/admin/marketdata/series/{series.pk}/change/"
    page = operator.get(address).content.decode()
    assert "<h2" in page and "Contract" in page and "March 21, 2025" in page
    assert not re.search(r'name="(kind|root|contract_month|contract_year|is_settled|last_date)"', page)
    form = {"slug": "nq-march", "name": "", "vendor": "databento", "dataset": "", "vendor_symbols": "", "calendar": ""}
    assert operator.post(address, form | {"root": "ES", "kind": "other"}).status_code == 302
    changed = Series.objects.get(pk=series.pk)
    assert (changed.slug, changed.root, changed.kind) == ("nq-march", "NQ", "outright")
    assert operator.get("/admin/marketdata/series/add/").status_code == 200


def test_the_list_and_the_detail_link_an_undo_and_its_run(operator, tmp_path):
    path = write(tmp_path / "mnq.dbn", bars(5))
    ingest(path)
    undo_run(1)
    for address in (RUNS, f"{RUNS}1/change/"):
        assert f'undone by <a href="{RUNS}2/change/">run 2</a>' in operator.get(address).content.decode()
    assert "What the run does." in operator.get(f"{RUNS}2/change/").content.decode()
    for address in (RUNS, f"{RUNS}2/change/"):
        assert f'undoes <a href="{RUNS}1/change/">run 1</a>' in operator.get(address).content.decode()


def test_an_undo_that_failed_is_not_tried_again_as_a_file(operator, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    run = IngestRun.objects.get()
    failed = IngestRun.objects.create(
        kind="undo",
        undoes=run,
        file_name="mnq.dbn",
        status="failed",
        error="x",
        started_at=run.started_at,
        finished_at=run.started_at,
    )
    page = operator.post(RUNS, {"action": "try_again", "_selected_action": failed.pk}, follow=True).content.decode()
    assert f"retry it with {manage()} undo_run {run.pk}" in page
