"""The list of findings, one finding, and what users do with them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from marketdata.alerts.channels import list_channels
from marketdata.alerts.raising import raise_test
from marketdata.command_line import manage
from marketdata.database import is_write_refused
from marketdata.formatting import format_count
from marketdata.models import QualityAlert, QualityCheck, QualityFinding
from marketdata.models.quality.finding import MAX_NOTE
from marketdata.pages.decorators import page_view
from marketdata.pages.presenters import Moment, moment
from marketdata.pages.quality.filters import ListFilters, read_list_filters
from marketdata.pages.quality.rows import FindingRow
from marketdata.quality.actions import ActionRefused, acknowledge, may_act, reopen, resolve
from marketdata.quality.select import count_by_state, order_for_people
from marketdata.runs.commits import read_database_time
from marketdata.runs.jobs import WORKER_COMMAND, is_worker_running

FINDINGS_PER_PAGE = 50
SHOWN_ALERTS = 10
READ_ONLY = "This database may only be read, so nothing was changed: use the primary, or a role that may write."
_SNOOZE = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7), "30d": timedelta(days=30)}


@page_view
def quality_page(request: HttpRequest) -> HttpResponse:
    """Findings, open ones first, with filters and actions."""
    filters = read_list_filters(request)
    found = QualityFinding.objects.none() if filters.is_unknown else order_for_people(filters.filters.select())
    page = Paginator(found, FINDINGS_PER_PAGE).get_page(request.GET.get("page"))
    last_check = _find_last_check()
    context = {
        "rows": [FindingRow(one) for one in page.object_list],
        "page": page,
        "filters": filters,
        "counts": count_by_state(),
        "last_check": last_check,
        "empty": _describe_empty(filters, last_check),
        "can_act": may_act(request.user),
        "max_note": MAX_NOTE,
        "here": request.get_full_path(),
        "channels": [channel.name for channel in list_channels()],
        "alerts": [(alert, Moment(alert.created_at)) for alert in _list_alerts()],
    }
    return render(request, "pages/quality.html", context)


@page_view
def finding_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One finding: what was measured, the bars, its history, the alerts about it."""
    finding = QualityFinding.objects.select_related("series").filter(pk=pk).first()
    if finding is None:
        raise Http404(f"There is no finding {pk}.")
    events = list(finding.events.all())
    alerts = QualityAlert.objects.filter(alert_events__event__finding=finding).prefetch_related("deliveries")
    context = {
        "row": FindingRow(finding),
        "events": [(event, Moment(event.at)) for event in events],
        "alerts": [(alert, Moment(alert.created_at)) for alert in alerts],
        "can_act": may_act(request.user),
        "max_note": MAX_NOTE,
        "here": request.get_full_path(),
    }
    return render(request, "pages/finding.html", context)


def _action(view: Callable[[HttpRequest], str]) -> Callable[..., HttpResponse]:
    """A POST by a user who may change findings. Its text, or its refusal, is a message on the page before."""

    @require_POST
    @page_view
    @functools.wraps(view)
    def wrapper(request: HttpRequest) -> HttpResponse:
        if not may_act(request.user):
            raise PermissionDenied("Only accounts that may change findings can do this.")
        try:
            messages.success(request, view(request))
        except ActionRefused as refusal:
            messages.error(request, str(refusal))
        except DatabaseError as error:
            if not is_write_refused(error):
                raise
            messages.error(request, READ_ONLY)
        return redirect(_read_here(request))

    return wrapper


@_action
def act(request: HttpRequest) -> str:
    """Acknowledge, snooze, resolve or reopen the chosen findings."""
    keys = _read_keys(request)
    if not keys:
        raise ActionRefused("No finding was chosen.")
    user, note, what = request.user.get_username(), request.POST.get("note", "").strip(), request.POST.get("action", "")
    if what == "resolve":
        return f"{_count(resolve(keys, user=user, note=note))} resolved."
    if what == "reopen":
        return f"{_count(reopen(keys, user=user, note=note))} reopened."
    if what == "acknowledge":
        until = _read_until(request)
        count = acknowledge(keys, user=user, note=note, until=until)
        return f"{_count(count)} acknowledged{f' until {Moment(until).minute} UTC' if until else ''}."
    raise ActionRefused("Choose what to do: acknowledge, resolve or reopen.")


@_action
def test_alert(request: HttpRequest) -> str:
    """Request a test of the channels. The worker sends it."""
    alert = raise_test(request.user.get_username())
    requested = f"A test message was requested for {_join(alert)}"
    if is_worker_running():
        return f"{requested}; a worker sends it within seconds."
    return f"{requested}. No worker runs: start one with {manage()} {WORKER_COMMAND}, which sends it."


def _join(alert: QualityAlert) -> str:
    return ", ".join(alert.deliveries.values_list("channel", flat=True))


def _count(count: int) -> str:
    return format_count(count, "finding")


def _read_keys(request: HttpRequest) -> Sequence[int]:
    texts = request.POST.getlist("finding")
    return [int(text) for text in texts if text.isascii() and text.isdigit() and len(text) < 19]


def _read_until(request: HttpRequest) -> datetime | None:
    length = _SNOOZE.get(request.POST.get("for", ""))
    return None if length is None else read_database_time() + length


def _read_here(request: HttpRequest) -> str:
    """The page that the user came from, if it is one of the quality pages or of a series on this host."""
    parts = urlsplit(request.POST.get("here", ""))
    is_ours = not parts.scheme and not parts.netloc and parts.path.startswith((reverse("quality"), "/series/"))
    return parts.geturl() if is_ours else reverse("quality")


def _describe_empty(filters: ListFilters, last_check: Moment | None) -> str:
    """Why no finding is listed."""
    if filters.is_unknown:
        return f"There is no series {filters.series}."
    if filters.is_any_set:
        return "No finding matches."
    if last_check:
        return "Nothing is open. Every fault that a check found is resolved."
    return format_html(
        "Nothing is open. Runs are checked after they end, by a worker: <code>{} db_worker</code>. To check now: "
        "<code>{} check_quality</code>",
        manage(),
        manage(),
    )


def _find_last_check() -> Moment | None:
    return moment(QualityCheck.objects.order_by("-last_at").values_list("last_at", flat=True).first())


def _list_alerts() -> Sequence[QualityAlert]:
    return list(QualityAlert.objects.prefetch_related("deliveries").order_by("-pk")[:SHOWN_ALERTS])
