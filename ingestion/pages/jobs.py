"""The page of a job: who requested what, and how far it is."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from ingestion.jobs.requests import may_act
from ingestion.pages.actions import get_job
from ingestion.pages.downloads.presenters import describe_plan
from marketdata.pages.decorators import page_view, state_view
from marketdata.pages.next_steps import find_worker_command
from marketdata.pages.presenters import Moment, RunRow, moment
from marketdata.runs.activity import Activity, read_job_activity
from marketdata.runs.progress import read_progress


@page_view
def job_page(request: HttpRequest, pk: UUID) -> HttpResponse:
    """One job. While it waits or runs, the page follows it."""
    job = get_job(pk)
    run = job.started_run
    may_request = may_act(request.user)
    plan = describe_plan(job.result) if job.action == "price_backfill" and job.result else None
    context = {
        "job": job,
        "plan": plan,
        "can_fill": may_request and plan is not None and plan.count > 0 and plan.usd is not None,
        "requested": Moment(job.enqueued_at),
        "finished": moment(job.finished_at),
        "row": RunRow(run, read_progress().get(run.pk)) if run else None,
        "worker_command": find_worker_command([job]),
        "can_cancel": may_request and job.is_open,
        "retry_address": _find_retry_address(job.action, job.run_id) if may_request and job.state == "failed" else "",
        "activity": read_job_activity(job),
        "activity_address": reverse("job-state", args=[pk]),
    }
    return render(request, "pages/job.html", context)


@state_view
def job_state(request: HttpRequest, pk: UUID) -> Activity:
    """What the page polls while the job waits or runs."""
    return read_job_activity(get_job(pk))


def _find_retry_address(action: str, run_id: int) -> str:
    """Where the form requests the same again; empty for a backfill, which the page of downloads requests."""
    if not run_id:
        return ""
    return reverse("run-undo" if action == "undo_run" else "run-retry", args=[run_id])
