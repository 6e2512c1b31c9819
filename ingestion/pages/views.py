"""The page of one ingest run. It lives in ingestion because its actions start ingests and undos."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from ingestion.pages.next_steps import build_retry_command, describe_outcome
from marketdata.models import IngestRun, Series
from marketdata.pages.decorators import page_view
from marketdata.pages.presenters import RunRow
from marketdata.runs.later import MAX_NAMED, find_later_changes
from marketdata.runs.query import find_runs_of_same_file

MAX_SHOWN_SERIES = 50


@page_view
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One run: outcome, next steps, file, times, counts and error."""
    run = IngestRun.objects.filter(pk=pk).first()
    if run is None:
        raise Http404(f"There is no ingest run {pk}.")
    others = [RunRow(other) for other in find_runs_of_same_file(run)]
    context = {
        "row": RunRow(run),
        "run": run,
        "outcome": describe_outcome(run),
        "series": list(Series.objects.filter(symbol__in=run.symbols)[:MAX_SHOWN_SERIES]),
        "undos": run.undone_by.filter(status=IngestRun.Status.SUCCESS).order_by("-pk"),
        "later": find_later_changes(run),
        "max_later": MAX_NAMED,
        "others": others,
        "loaded_since": next((one for one in others if one.status == "success" and one.pk > run.pk), None),
        "command": build_retry_command(run),
        "dry_run": build_retry_command(run, dry_run=True),
    }
    return render(request, "pages/run.html", context)
