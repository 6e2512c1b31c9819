"""What changes while runs and jobs are running, for pages that follow them without a reload."""

from __future__ import annotations

import hashlib
from typing import TypedDict

from django.db.models import Count, Max

from marketdata.formatting import format_count
from marketdata.models import IngestRun
from marketdata.runs.jobs import Job, find_jobs_of_run, find_shown_jobs, is_worker_running
from marketdata.runs.progress import RunProgress, read_progress


class Activity(TypedDict):
    """The state that pages poll. `version` differs once the page itself would; until then only `progress` changes, the
    texts of running runs by id. Polling ends when nothing `is_open`."""

    version: str
    is_open: bool
    progress: dict[str, str]


def read_activity(jobs: list[Job] | None = None) -> Activity:
    """For the overview: all runs and jobs. `jobs` spare their query."""
    running = list(IngestRun.objects.filter(status=IngestRun.Status.RUNNING).order_by("id"))
    jobs = find_shown_jobs() if jobs is None else jobs
    last = IngestRun.objects.aggregate(Max("id"))
    # By an index. Which failures are unresolved would cost more, and changes only when a run ends or is dismissed.
    failed = IngestRun.objects.filter(status=IngestRun.Status.FAILED).aggregate(Count("id"), Max("dismissed_at"))
    return _build(running, jobs, [last, failed])


def read_run_activity(run: IngestRun, jobs: list[Job] | None = None) -> Activity:
    """For the page of a run, with the jobs that were requested for it. `jobs` spare their query."""
    running = [run] if run.status == IngestRun.Status.RUNNING else []
    undos = list(run.undone_by.order_by("id").values_list("id", "status"))
    jobs = find_jobs_of_run(run.pk) if jobs is None else jobs
    return _build(running, jobs, [run.status, run.dismissed_at, undos])


def read_job_activity(job: Job) -> Activity:
    """For the page of a job."""
    run = job.started_run
    running = [run] if run is not None and run.status == IngestRun.Status.RUNNING else []
    return _build(running, [job], [run.status if run else None])


def describe_progress(run: IngestRun, progress: RunProgress | None) -> str:
    """Reading: 45 % of 12,345,678 bytes, 300,000 rows. Empty unless the run is running."""
    if run.status != IngestRun.Status.RUNNING:
        return ""
    if run.cancel_requested_by:
        return f"Being cancelled, as {run.cancel_requested_by} requested"
    if progress is None:
        return "Started"
    read = f"{progress.percent} % of {format_count(progress.bytes_total, 'byte')}" if progress.bytes_read else ""
    rows = format_count(progress.rows, "row") if progress.rows else ""
    numbers = ", ".join(filter(None, [read, rows]))
    return f"{progress.step}: {numbers}" if numbers else progress.step


def _build(running: list[IngestRun], jobs: list[Job], rest: list[object]) -> Activity:
    progress = read_progress() if running else {}
    states = [(str(job.pk), job.state, job.started_run and job.started_run.pk) for job in jobs]
    has_open_job = any(job.is_open for job in jobs)
    worker = is_worker_running() if has_open_job else None
    seen = repr([[(run.pk, run.cancel_requested_by) for run in running], states, worker, rest])
    return {
        "version": hashlib.sha256(seen.encode()).hexdigest()[:16],
        "is_open": bool(running) or has_open_job,
        "progress": {str(run.pk): describe_progress(run, progress.get(run.pk)) for run in running},
    }
