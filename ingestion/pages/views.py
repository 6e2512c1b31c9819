"""The page of one ingest run. It lives in ingestion because its actions start ingests and undos."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from ingestion.pages.details import describe_undos, list_details
from ingestion.pages.next_steps import describe_outcome
from ingestion.pages.steps import Aftermath, Written, list_next_steps
from marketdata.models import IngestRun, Series
from marketdata.pages.decorators import page_view
from marketdata.pages.presenters import RunRow
from marketdata.runs.later import find_later_changes
from marketdata.runs.query import find_runs_of_same_file

MAX_SHOWN_SERIES = 50


@page_view
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One run: outcome, next steps, file, times, counts and error."""
    run = IngestRun.objects.filter(pk=pk).first()
    if run is None:
        raise Http404(f"There is no ingest run {pk}.")
    row = RunRow(run)
    others = find_runs_of_same_file(run)
    aftermath = _find_aftermath(run, others)
    context = {
        "row": row,
        "outcome": [describe_outcome(run), *describe_undos(aftermath.undos)],
        "next": list_next_steps(run, _find_written(run), aftermath),
        "details": list_details(row),
        "others": [RunRow(other) for other in others],
    }
    return render(request, "pages/run.html", context)


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
