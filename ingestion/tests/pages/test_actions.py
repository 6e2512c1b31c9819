"""What users request on the page of a run, and which users may."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django_tasks_db.models import DBTaskResult

from config.testing.builders import bars, ingest, stored, undo_run, write
from config.testing.processes import session
from config.testing.web.pages import create_failed_run, create_successful_run, read_page
from ingestion.jobs import requests
from marketdata.command_line import manage
from marketdata.models import IngestRun
from marketdata.runs.jobs import lock_worker
from marketdata.runs.locks import close_orphaned_runs, lock_run

NO_WORKER = "No worker is running: start one with"


@pytest.fixture
def staff(market_db):
    """Clients of staff, by the permission that they have."""
    users = []

    def log_in(*permissions: str, is_staff: bool = True) -> Client:
        user = get_user_model().objects.create_user(f"user{len(users)}", is_staff=is_staff)
        user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
        users.append(user)
        client = Client()
        client.force_login(user)
        return client

    yield log_in
    for user in users:
        user.delete()


@pytest.fixture
def loaded(market_db, tmp_path) -> IngestRun:
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    return IngestRun.objects.get()


def list_buttons(html: str) -> list[str]:
    main = html.split("<main")[1]
    found = re.findall(r'<button type="submit">([^<]+)<|<a class="button"[^>]*>([^<]+)<', main)
    return [one or other for one, other in found]


# --- Buttons ----------------------------------------------------------------------------------------------------------


def test_the_buttons_of_each_status(page_client, loaded):
    failed = create_failed_run(file_path="/data/other.dbn")
    assert list_buttons(read_page(page_client, f"/runs/{loaded.pk}/")) == ["Undo"]
    assert list_buttons(read_page(page_client, f"/runs/{failed.pk}/")) == ["Try again", "Dismiss"]
    running = create_failed_run(status="running", error="", finished_at=None)
    with session() as other:
        lock_run(other, running.pk)
        assert list_buttons(read_page(page_client, f"/runs/{running.pk}/")) == ["Cancel"]
    close_orphaned_runs()
    undo_run(loaded.pk)
    assert list_buttons(read_page(page_client, f"/runs/{loaded.pk}/")) == []
    assert list_buttons(read_page(page_client, f"/runs/{IngestRun.objects.latest('pk').pk}/")) == []


def test_a_failure_whose_file_was_loaded_since_needs_no_button(page_client):
    failed = create_failed_run()
    create_successful_run()
    assert list_buttons(read_page(page_client, f"/runs/{failed.pk}/")) == []


@pytest.mark.parametrize(
    ("permissions", "is_staff", "may"),
    [
        (["change_ingestrun"], True, True),
        (["add_ingestrun"], True, True),
        (["view_ingestrun"], True, False),
        (["change_ingestrun", "add_ingestrun"], False, False),
        ([], True, False),
    ],
)
def test_only_staff_who_may_change_runs_act(staff, loaded, permissions, is_staff, may):
    failed = create_failed_run(file_path="/data/other.dbn")
    client = staff(*permissions, is_staff=is_staff)
    assert bool(list_buttons(read_page(client, f"/runs/{failed.pk}/"))) == may
    answers = [
        client.post(f"/runs/{failed.pk}/retry/"),
        client.post(f"/runs/{loaded.pk}/undo/"),
        client.get(f"/runs/{loaded.pk}/undo/"),
        client.post(f"/runs/{failed.pk}/dismiss/", {"reason": "a test"}),
        client.post(f"/runs/{failed.pk}/cancel/"),
    ]
    expected = [302, 302, 200, 302, 302] if may else [403] * 5
    assert [answer.status_code for answer in answers] == expected
    failed.refresh_from_db()
    assert (DBTaskResult.objects.count(), failed.dismissed_at is not None) == ((2, True) if may else (0, False))


@pytest.mark.parametrize("action", ["retry", "cancel", "dismiss", "undo"])
def test_actions_need_a_login_a_post_and_a_token(page_client, loaded, action):
    address = f"/runs/{loaded.pk}/{action}/"
    assert Client().post(address).status_code == 302
    assert "/login/" in Client().post(address).url
    assert page_client.get(address).status_code == (200 if action == "undo" else 405)
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = page_client.cookies
    assert strict.post(address).status_code == 403
    assert page_client.post(f"/runs/99/{action}/").status_code == 404
    assert not DBTaskResult.objects.exists()


# --- Try again --------------------------------------------------------------------------------------------------------


def test_a_request_stores_a_job_and_loads_nothing(page_client, tmp_path):
    failed = create_failed_run(file_path=str(write(tmp_path / "mnq.dbn", bars(5))))
    answers = [page_client.post(f"/runs/{failed.pk}/retry/") for _ in range(2)]
    job = DBTaskResult.objects.get()
    assert [answer.url for answer in answers] == [f"/jobs/{job.pk}/"] * 2
    assert not stored() and IngestRun.objects.count() == 1
    for address in (answers[0].url, f"/runs/{failed.pk}/", "/"):
        html = read_page(page_client, address)
        assert NO_WORKER in html and f"{manage()} db_worker" in html
        assert f"Try run {failed.pk} again" in html and "waiting" in html


def test_a_failed_undo_is_undone_by_trying_it_again(page_client, loaded):
    failed = create_failed_run(kind="undo", undoes_id=loaded.pk, file_path="")
    page_client.post(f"/runs/{failed.pk}/retry/")
    job = DBTaskResult.objects.get()
    assert (job.task_path, job.args_kwargs["kwargs"]["run_id"]) == ("ingestion.jobs.tasks.undo_run", loaded.pk)


def test_what_cannot_be_requested_is_a_message(page_client, loaded):
    html = page_client.post(f"/runs/{loaded.pk}/retry/", follow=True).content.decode()
    assert f"Run {loaded.pk} is success: only failed runs can be retried." in html
    html = page_client.post(f"/runs/{loaded.pk}/cancel/", follow=True).content.decode()
    assert f"Run {loaded.pk} is success: only running runs can be cancelled." in html


# --- Undo -------------------------------------------------------------------------------------------------------------


def test_an_undo_shows_its_numbers_before_it_is_requested(page_client, loaded):
    html = read_page(page_client, f"/runs/{loaded.pk}/undo/")
    assert re.search(r'Removed</th><td class="number">5</td>', html)
    assert list_buttons(html) == [f"Undo run {loaded.pk}", "Keep it"]
    assert NO_WORKER in html
    assert len(stored()) == 5 and not DBTaskResult.objects.exists()
    page_client.post(f"/runs/{loaded.pk}/undo/")
    assert DBTaskResult.objects.get().args_kwargs["kwargs"] == {"run_id": loaded.pk, "requested_by": "reader"}


def test_pages_report_a_requested_undo_that_no_worker_does(page_client, loaded, staff):
    job = page_client.post(f"/runs/{loaded.pk}/undo/").url
    addresses = (f"/runs/{loaded.pk}/", job, "/")
    for client in (page_client, staff(is_staff=False)):
        for address in addresses:
            html = read_page(client, address)
            assert f"Undo run {loaded.pk}" in html
            assert NO_WORKER in html and f"{manage()} db_worker" in html
    with session() as worker:
        assert lock_worker(worker, "a worker")
        assert [NO_WORKER in read_page(page_client, address) for address in addresses] == [False] * 3


def test_a_failed_undo_lists_the_job_that_does_it_again(page_client, loaded):
    failed = create_failed_run(kind="undo", undoes_id=loaded.pk, file_path="")
    job = page_client.post(f"/runs/{failed.pk}/retry/").url
    for pk in (failed.pk, loaded.pk):
        html = read_page(page_client, f"/runs/{pk}/")
        assert f'<a href="{job}">Undo run {loaded.pk}</a>' in html
        assert NO_WORKER in html


def test_what_cannot_be_undone_is_a_message(page_client, loaded):
    undo_run(loaded.pk)
    html = page_client.get(f"/runs/{loaded.pk}/undo/", follow=True).content.decode()
    assert f"Run {loaded.pk} was already undone, by run 2." in html
    html = page_client.post(f"/runs/{loaded.pk}/undo/", follow=True).content.decode()
    assert f"Run {loaded.pk} was already undone, by run 2." in html


def test_numbers_that_take_long_are_left_to_the_command(page_client, loaded, monkeypatch):
    monkeypatch.setattr("ingestion.pages.undo.PREVIEW_SECONDS", 0.001)
    html = read_page(page_client, f"/runs/{loaded.pk}/undo/")
    assert "The numbers are not known" in html and f"undo_run {loaded.pk} --dry-run" in html


# --- Dismiss ----------------------------------------------------------------------------------------------------------


def test_a_dismissed_failure_names_who_and_why_and_counts_no_more(page_client):
    runs = [create_failed_run(file_path=f"/data/{number}.dbn") for number in range(2)]
    page_client.post(f"/runs/{runs[0].pk}/dismiss/", {"reason": " the vendor\n withdrew <it> "})
    html = read_page(page_client, f"/runs/{runs[0].pk}/")
    assert "Dismissed by reader on " in html and "UTC: the vendor withdrew &lt;it&gt;" in html
    assert list_buttons(html) == ["Try again"]
    overview = read_page(page_client, "/")
    assert "<title>1 failed · Barkeep</title>" in overview and f"Run {runs[0].pk}<" not in overview
    html = page_client.post(f"/runs/{runs[0].pk}/dismiss/", {"reason": "again"}, follow=True).content.decode()
    assert "was dismissed by reader before" in html


@pytest.mark.parametrize("reason", ["", "  \n", "\0", "x" * 501])
def test_a_dismissal_needs_a_reason(page_client, reason):
    run = create_failed_run()
    html = page_client.post(f"/runs/{run.pk}/dismiss/", {"reason": reason}, follow=True).content.decode()
    assert f"Run {run.pk} is not dismissed" in html
    run.refresh_from_db()
    assert run.dismissed_at is None


def test_only_failures_are_dismissed(page_client, loaded):
    html = page_client.post(f"/runs/{loaded.pk}/dismiss/", {"reason": "x"}, follow=True).content.decode()
    assert "only failed runs can be dismissed" in html


# --- Lists ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 5, 6, 27])
def test_title_list_and_link_have_one_number_of_failures(page_client, count):
    for number in range(count):
        create_failed_run(file_path=f"/data/{number}.dbn")
    page = read_page(page_client, "/")
    assert f"<title>{count} failed · Barkeep</title>" in page
    shown = page.count('class="failure"')
    assert shown == min(count, 5)
    more = re.search(r'href="\?failures=all#failures-title">(\d+) more', page)
    assert (int(more[1]) if more else 0) == count - shown
    everything = read_page(page_client, "/?failures=all")
    assert everything.count('class="failure"') == count
    admin = read_page(page_client, "/admin/")
    assert f"{count} ingest run{'' if count == 1 else 's'} failed" in admin
    listed = read_page(page_client, "/admin/marketdata/ingestrun/?attention=unresolved")
    assert listed.count('class="field-file') == count


def test_an_undone_run_is_marked_in_every_list(page_client, loaded, tmp_path):
    undo_run(loaded.pk)
    ingest(tmp_path / "mnq.dbn")
    for address in ("/", "/series/mnq/", "/runs/3/"):
        html = " ".join(read_page(page_client, address).split())
        assert html.count('undone by <a href="/runs/2/">run 2</a>') == 1
    other = read_page(page_client, "/admin/marketdata/ingestrun/3/change/")
    assert "(success, undone by run 2, " in other


def test_requests_of_a_database_that_may_only_be_read_are_refused(page_client, loaded, monkeypatch):
    from django.db import connection

    page_client.get("/")
    with connection.cursor() as cursor:
        cursor.execute("SET default_transaction_read_only = on")
    try:
        html = page_client.post(f"/runs/{loaded.pk}/undo/", follow=True).content.decode()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET default_transaction_read_only = off")
    assert "may only be read" in html


def test_a_job_of_another_function_is_no_job_of_a_run(page_client):
    run = create_failed_run()
    job = requests.request_retry(run, "alice")
    DBTaskResult.objects.update(task_path="other.tasks.retry_run")
    assert page_client.get(f"/jobs/{job.pk}/").status_code == 404
    assert page_client.get("/jobs/00000000-0000-0000-0000-000000000000/").status_code == 404
