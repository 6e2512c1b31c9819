"""The page of one ingest run. It lives in ingestion because its actions start ingests and undos."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from ingestion.pages.actions import Actions, get_run, list_actions
from ingestion.pages.details import describe_requests, describe_undos, list_details
from ingestion.pages.next_steps import describe_outcome
from ingestion.pages.steps import Aftermath, Written, list_next_steps
from marketdata.models import IngestRun, Series
from marketdata.models.ingest_run import MAX_REASON
from marketdata.pages.decorators import page_view, state_view
from marketdata.pages.next_steps import build_worker_command, find_worker_command
from marketdata.pages.presenters import RunRow
from marketdata.runs.activity import Activity, read_run_activity
from marketdata.runs.jobs import Job, find_jobs_of_run, is_worker_running
from marketdata.runs.later import find_later_changes
from marketdata.runs.progress import read_progress
from marketdata.runs.query import find_runs_of_same_file

MAX_SHOWN_SERIES = 50


@page_view
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One run: outcome, next steps, file, times, counts and error."""
    run = get_run(pk)
    row = RunRow(run, read_progress().get(pk) if run.status == IngestRun.Status.RUNNING else None)
    others = find_runs_of_same_file(run)
    aftermath = _find_aftermath(run, others)
    actions = list_actions(run, aftermath, request.user)
    jobs = _find_jobs(run)
    context = {
        "row": row,
        "outcome": [describe_outcome(run), *describe_undos(aftermath.undos), *describe_requests(run)],
        "next": list_next_steps(run, _find_written(run), aftermath),
        "details": list_details(row),
        "others": [RunRow(other) for other in others],
        "actions": actions,
        "max_reason": MAX_REASON,
        "jobs": jobs,
        "worker_command": _find_worker_command(actions, jobs),
        "activity": read_run_activity(run, jobs),
        "activity_address": reverse("run-state", args=[pk]),
    }
    return render(request, "pages/run.html", context)


@state_view
def run_state(request: HttpRequest, pk: int) -> Activity:
    """What the page polls while the run is running."""
    run = get_run(pk)
    return read_run_activity(run, _find_jobs(run))


def _find_jobs(run: IngestRun) -> list[Job]:
    """The jobs that were requested for the run; for a failed undo, those for the run that it was to undo."""
    is_failed_undo = run.undoes_id is not None and run.status == IngestRun.Status.FAILED
    return find_jobs_of_run(run.undoes_id if is_failed_undo and run.undoes_id else run.pk)


def _find_worker_command(actions: Actions, jobs: list[Job]) -> str:
    """The command line that starts a worker, if Try again or a job needs one and none is running."""
    if actions.retry and not is_worker_running():
        return build_worker_command()
    return find_worker_command(jobs)


def _find_written(run: IngestRun) -> Written:
    series = list(Series.objects.filter(symbol__in=run.symbols)[:MAX_SHOWN_SERIES])
    note = f"{len(run.symbols)} symbols in total" if len(run.symbols) > len(series) else ""
    return Written(series, note)


def _find_aftermath(run: IngestRun, others: list[IngestRun]) -> Aftermath:
    """`others`: the runs of the same file, newest first."""
    return Aftermath(
        undos=list(run.undone_by.filter(status=IngestRun.Status.SUCCESS).order_by("-pk")),
        later=find_later_changes(run),
        loaded_since=next((one.pk for one in others if one.status == "success" and one.pk > run.pk), None),
    )
