"""What users do on the pages of runs and jobs: each is a POST that stores a request, and answers at once."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import AnonymousUser, User
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from ingestion.errors import IngestError
from ingestion.jobs.requests import (
    cancel_job,
    cancel_run,
    dismiss_failure,
    may_act,
    request_retry,
    request_undo,
)
from ingestion.pages.steps import Aftermath
from marketdata.database import is_write_refused
from marketdata.models import IngestRun
from marketdata.pages.decorators import page_view
from marketdata.runs.jobs import Job, find_job

READ_ONLY = "This database may only be read, so nothing was requested: use the primary, or a role that may write."


@dataclass(frozen=True)
class Actions:
    """Which buttons the page of a run has."""

    retry: bool = False
    undo: bool = False
    cancel: bool = False
    dismiss: bool = False


def list_actions(run: IngestRun, aftermath: Aftermath, user: User | AnonymousUser) -> Actions:
    """The actions for a run in its status; none for a user who may not act."""
    if not may_act(user):
        return Actions()
    match run.status:
        case IngestRun.Status.RUNNING:
            return Actions(cancel=not run.cancel_requested_by)
        case IngestRun.Status.FAILED if not aftermath.loaded_since:
            return Actions(retry=run.kind != IngestRun.Kind.SPLIT, dismiss=run.dismissed_at is None)
        case IngestRun.Status.SUCCESS:
            return Actions(undo=not run.undoes_id and all(undo.left_count for undo in aftermath.undos))
    return Actions()


def action_view(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """A POST by a user who may act. An `IngestError` becomes a message on the page that the user came from."""

    @require_POST
    @page_view
    @functools.wraps(view)
    def wrapper(request: HttpRequest, pk: int | UUID) -> HttpResponse:
        if not may_act(request.user):
            raise PermissionDenied("Only staff who may change runs can do this.")
        try:
            return view(request, pk)
        except IngestError as error:
            messages.error(request, str(error))
        except DatabaseError as error:
            if not is_write_refused(error):
                raise
            messages.error(request, READ_ONLY)
        return redirect("job-page" if isinstance(pk, UUID) else "run-page", pk)

    return wrapper


@action_view
def retry(request: HttpRequest, pk: int) -> HttpResponse:
    """Request to load the file of a failed run again, or to do a failed undo again."""
    run = get_run(pk)
    user = request.user.get_username()
    is_failed_undo = run.undoes_id is not None and run.status == IngestRun.Status.FAILED
    job = request_undo(run.undoes_id, user) if is_failed_undo and run.undoes_id else request_retry(run, user)
    return redirect("job-page", job.pk)


@action_view
def cancel(request: HttpRequest, pk: int) -> HttpResponse:
    """Request to cancel a running run."""
    cancel_run(get_run(pk), request.user.get_username())
    return redirect("run-page", pk)


@action_view
def dismiss(request: HttpRequest, pk: int) -> HttpResponse:
    """Dismiss a failure, with a reason."""
    dismiss_failure(get_run(pk), request.user.get_username(), request.POST.get("reason", ""))
    return redirect("run-page", pk)


@action_view
def cancel_requested(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Cancel a job."""
    cancel_job(get_job(pk), request.user.get_username())
    return redirect("job-page", pk)


def get_run(pk: int) -> IngestRun:
    """The run. Raises `Http404`."""
    run = IngestRun.objects.filter(pk=pk).first()
    if run is None:
        raise Http404(f"There is no ingest run {pk}.")
    return run


def get_job(pk: UUID) -> Job:
    """The job. Raises `Http404`."""
    job = find_job(pk)
    if job is None:
        raise Http404(f"There is no job {pk}.")
    return job
