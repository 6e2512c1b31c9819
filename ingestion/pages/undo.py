"""Undo on the page of a run: the numbers of a dry run first, then the request."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from ingestion.errors import DatabaseFailure, IngestError
from ingestion.jobs.requests import may_act, request_undo
from ingestion.pages.actions import action_view, get_run
from ingestion.pages.next_steps import build_undo_command
from ingestion.undo.pipeline import UndoPreview, preview_undo
from marketdata.models import IngestRun
from marketdata.pages.decorators import page_view
from marketdata.pages.next_steps import build_worker_command
from marketdata.pages.presenters import RunRow
from marketdata.runs.jobs import is_worker_running

PREVIEW_SECONDS = 10  # a request must not keep a web process busy for longer


@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: HttpRequest, pk: int) -> HttpResponse:
    """GET shows what an undo would change, and POST requests it."""
    return _request(request, pk=pk) if request.method == "POST" else _preview(request, pk=pk)


@action_view
def _request(request: HttpRequest, pk: int) -> HttpResponse:
    job = request_undo(get_run(pk).pk, request.user.get_username())
    return redirect("job-page", job.pk)


@page_view
def _preview(request: HttpRequest, pk: int) -> HttpResponse:
    run = get_run(pk)
    if not may_act(request.user):
        raise PermissionDenied("Only staff who may change runs can undo them.")
    try:
        preview = preview_undo(run_id=run.pk, max_seconds=PREVIEW_SECONDS)
    except DatabaseFailure as error:
        preview, unknown = None, str(error)
    except IngestError as error:
        messages.error(request, str(error))
        return redirect("run-page", pk)
    else:
        unknown = ""
    context = {
        "row": RunRow(run),
        "counts": _list_counts(preview) if preview else [],
        "notes": preview.notes if preview else [],
        "unknown": unknown,
        "dry_run_command": build_undo_command(run, dry_run=True),
        "worker_command": "" if is_worker_running() else build_worker_command(),
    }
    return render(request, "pages/undo.html", context)


def _list_counts(preview: UndoPreview) -> list[tuple[str, str, str]]:
    """Name, count and meaning of each count."""
    if preview.undone.kind == IngestRun.Kind.SPLIT:
        moved = preview.counts.changed_back
        return [("Moved", f"{moved:,}", "bars, back to their earlier series")]
    counts = [
        ("Removed", preview.counts.removed, "bars that the run had inserted"),
        ("Changed", preview.counts.changed_back, "bars, back to their old values"),
        ("Restored", preview.counts.restored, "bars that the run had removed"),
        ("Skipped", preview.skipped.count, "bars that later runs changed"),
    ]
    return [(name, f"{count:,}", meaning) for name, count, meaning in counts]
