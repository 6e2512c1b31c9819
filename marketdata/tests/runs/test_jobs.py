"""Jobs as pages read them."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from config.testing.database.scratch import temporary_role
from config.testing.processes import session, until
from marketdata.runs import jobs
from marketdata.runs.jobs import (
    close_orphaned_jobs,
    close_waiting_job,
    find_job,
    find_jobs_of_run,
    find_open_job,
    find_shown_jobs,
    is_worker_running,
    lock_worker,
)


def create_job(run_id: int = 1, status: str = "READY", action: str = "retry_run", **fields) -> DBTaskResult:
    values = {
        "id": uuid4(),
        "status": status,
        "task_path": f"ingestion.jobs.tasks.{action}",
        "args_kwargs": {"args": [], "kwargs": {"run_id": run_id, "requested_by": "alice"}},
        "backend_name": "default",
        "run_after": timezone.now(),
        "exception_class_path": "",
        "traceback": "",
    }
    return DBTaskResult.objects.create(**(values | fields))


@pytest.fixture
def reader(market_db, monkeypatch):
    """This session acts as a role that may read everything but jobs."""
    with temporary_role("reader", "NOLOGIN") as role, connection.cursor() as cursor:
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {role}; GRANT SELECT ON data_ingest_runs TO {role}")
        cursor.execute(f"SET ROLE {role}")
        monkeypatch.setattr(jobs, "_may_read", False)
        yield


def test_a_role_without_a_right_to_jobs_sees_none(reader):
    assert (find_shown_jobs(), find_jobs_of_run(1), find_job(uuid4()), close_orphaned_jobs()) == ([], [], None, [])


def test_jobs_that_wait_or_run_are_shown(market_db):
    waiting, running = create_job(1), create_job(2, "RUNNING", "undo_run")
    create_job(3, "SUCCESSFUL")
    assert [(job.pk, job.name, job.state) for job in find_shown_jobs()] == [
        (running.pk, "Undo run 2", "running"),
        (waiting.pk, "Try run 1 again", "waiting"),
    ]
    assert find_open_job("retry_run", {"run_id": 1}).pk == waiting.pk
    assert find_open_job("undo_run", {"run_id": 1}) is None
    assert [job.pk for job in find_jobs_of_run(2)] == [running.pk]


def test_a_job_that_failed_without_a_run_is_shown_for_a_day_unless_requested_again(market_db):
    error = {"exception_class_path": "x.InputError", "traceback": "Traceback …\nx.InputError: It is gone."}
    failed = create_job(1, "FAILED", **error)
    [shown] = find_shown_jobs()
    assert (shown.pk, shown.error) == (failed.pk, "It is gone.")
    create_job(1, "SUCCESSFUL")
    assert find_shown_jobs() == []
    old = create_job(2, "FAILED", **error)
    DBTaskResult.objects.filter(pk=old.pk).update(enqueued_at=timezone.now() - timedelta(days=2))
    assert find_shown_jobs() == []


def test_a_cancelled_job_is_not_shown(market_db):
    job = create_job()
    assert close_waiting_job(job.pk, "Cancelled by bob.")
    assert not close_waiting_job(job.pk, "Cancelled by carol.")
    assert (find_shown_jobs(), find_job(job.pk).error) == ([], "Cancelled by bob.")


def test_a_running_job_is_orphaned_without_the_lock_of_its_worker(market_db):
    job = create_job(status="RUNNING", worker_ids=["one"])
    with session() as other, session() as third:
        assert lock_worker(other, "one") and not lock_worker(third, "one")
        assert is_worker_running()
        assert close_orphaned_jobs() == []
        assert close_orphaned_jobs(idle_worker_id="two") == []
        assert close_orphaned_jobs(idle_worker_id="one") == [job.pk]
    until(lambda: not is_worker_running())
    assert find_job(job.pk).error.startswith("The worker one died")
