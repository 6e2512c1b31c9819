"""Workers as processes of their own: they share the jobs, and a killed one leaves a job that can be requested again."""

from __future__ import annotations

import signal

import pytest
from django_tasks_db.models import DBTaskResult

from config.testing.builders import bars, ingest, stored, write
from config.testing.processes import Process, backend_in, backends_in, running, series_locked, until
from config.testing.web.pages import create_failed_run
from ingestion.jobs.requests import cancel_job, request_retry, request_undo
from marketdata.advisory_locks import SERIES_CLASS
from marketdata.models import IngestRun
from marketdata.runs.jobs import close_orphaned_jobs, find_job, is_worker_running
from marketdata.runs.locks import close_orphaned_runs

WAITING = f"SELECT pg_advisory_xact_lock({SERIES_CLASS}%"  # a worker's other threads have locks of their own
FAST = ("--interval", "0.1", "--no-startup-delay")


def start_worker(*options: str) -> Process:
    return Process(*FAST, *options, command="db_worker")


@pytest.fixture
def failed(market_db, tmp_path) -> IngestRun:
    """A failed run whose file can be loaded now."""
    return create_failed_run(file_path=str(write(tmp_path / "mnq.dbn", bars(5))), row_limit=3)


def test_a_job_runs_once_a_worker_does(failed):
    job = request_retry(failed, "alice")
    assert (job.name, job.state, job.requested_by) == ("Try run 1 again", "waiting", "alice")
    assert request_retry(failed, "bob").pk == job.pk
    assert not is_worker_running()
    with start_worker() as worker:
        until(is_worker_running)
        done = until(lambda: (found := find_job(job.pk)).state == "done" and found)
        worker.signal(signal.SIGTERM)
        assert worker.end().code == 0
    run = done.started_run
    assert (run.pk, run.status, run.requested_by, run.job_id, run.row_limit) == (2, "success", "alice", job.pk, 3)
    assert len(stored()) == 3
    until(lambda: not is_worker_running())


def test_a_worker_undoes_a_run(market_db, tmp_path):
    ingest(write(tmp_path / "mnq.dbn", bars(5)))
    job = request_undo(1, "alice")
    ended = start_worker("--batch").end()
    assert ended.code == 0
    assert find_job(job.pk).started_run.undoes_id == 1
    assert not stored()


def test_a_job_that_fails_has_the_sentence_of_its_error(failed, tmp_path):
    (tmp_path / "mnq.dbn").unlink()
    job = request_retry(failed, "alice")
    ended = start_worker("--batch").end()
    assert (ended.code, "Traceback" in ended.err) == (0, False)
    found = find_job(job.pk)
    sentence = f"Run 1 cannot be retried: {tmp_path}/mnq.dbn no longer exists."
    assert (found.state, found.error, found.started_run) == ("failed", sentence, None)


@pytest.mark.slow
def test_two_workers_never_do_one_job_twice(market_db, tmp_path):
    failed = [
        create_failed_run(file_path=str(write(tmp_path / f"{number}.dbn", bars(5, first=5 * number))))
        for number in range(12)
    ]
    jobs = [request_retry(run, "alice") for run in failed]
    with series_locked():
        workers = [start_worker("--batch", "--worker-id", name) for name in ("one", "two")]
        until(lambda: backends_in(WAITING) == 2)  # both have a job
    assert [worker.end().code for worker in workers] == [0, 0]
    assert [find_job(job.pk).state for job in jobs] == ["done"] * 12
    assert IngestRun.objects.filter(status="success").count() == 12
    took = [row.worker_ids for row in DBTaskResult.objects.all()]
    assert all(len(names) == 1 for names in took) and {name for (name,) in took} == {"one", "two"}


@pytest.mark.slow
def test_the_job_of_a_killed_worker_is_closed_and_can_be_requested_again(failed):
    job = request_retry(failed, "alice")
    with series_locked(), start_worker("--worker-id", "one") as worker:
        until(lambda: backend_in(WAITING))
        assert close_orphaned_jobs() == []
        worker.signal(signal.SIGKILL)
        worker.end()
    until(lambda: not is_worker_running())
    until(close_orphaned_runs)
    assert close_orphaned_jobs() == [job.pk]
    found = find_job(job.pk)
    assert found.state == "failed" and found.error.startswith("The worker one died")
    assert found.started_run.error.startswith("The process died")
    again = request_retry(failed, "alice")
    assert again.pk != job.pk
    assert start_worker("--batch").end().code == 0
    assert (find_job(again.pk).state, len(stored())) == ("done", 3)


def test_a_worker_closes_the_jobs_that_a_process_of_its_name_left(failed):
    job = request_retry(failed, "alice")
    with series_locked(), start_worker("--worker-id", "one") as worker:
        until(lambda: backend_in(WAITING))
        worker.signal(signal.SIGKILL)
        worker.end()
    until(lambda: not is_worker_running())
    with start_worker("--worker-id", "one"):
        found = until(lambda: (one := find_job(job.pk)).state == "failed" and one)
    assert found.error.startswith("The worker one died")


def test_sigterm_interrupts_the_run_and_ends_the_worker(failed):
    job = request_retry(failed, "alice")
    with series_locked(), start_worker() as worker:
        until(lambda: backend_in(WAITING))
        worker.signal(signal.SIGTERM)
        assert worker.end(10).code == 0
    found = find_job(job.pk)
    assert (found.state, found.started_run.status) == ("failed", "failed")
    assert "interrupted" in found.error


def test_a_running_job_is_cancelled_and_the_worker_goes_on(failed):
    job = request_retry(failed, "alice")
    with start_worker():
        with series_locked():
            until(lambda: backend_in(WAITING))
            cancel_job(find_job(job.pk), "bob")
            until(lambda: not running(), seconds=5)
        found = until(lambda: (one := find_job(job.pk)).state == "failed" and one)
        assert found.error.startswith("Cancelled by bob: nothing of this file was stored")
        again = request_retry(failed, "alice")
        until(lambda: find_job(again.pk).state == "done")


def test_a_waiting_job_is_cancelled(failed):
    job = request_retry(failed, "alice")
    cancel_job(job, "bob")
    assert start_worker("--batch").end().code == 0
    assert find_job(job.pk).error == "Cancelled by bob before a worker started it."
    assert IngestRun.objects.count() == 1


def test_the_name_of_a_worker_is_used_once(market_db):
    with start_worker("--worker-id", "one"):
        until(is_worker_running)
        ended = start_worker("--worker-id", "one").end()
    assert ended.code == 1 and "A worker named one runs already" in ended.err
