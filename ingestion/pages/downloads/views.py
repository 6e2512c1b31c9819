"""The page of downloads. It shows what is stored; prices and purchases are jobs, which a worker does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal, InvalidOperation

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from ingestion.errors import IngestError, InputError
from ingestion.feeds.key import has_key
from ingestion.feeds.spending import read_spending
from ingestion.jobs.requests import may_act, request_backfill, request_daily, request_price
from ingestion.pages.downloads.presenters import list_live_days, list_meters, list_requests, list_subscriptions
from marketdata.command_line import manage
from marketdata.formatting import escape_controls
from marketdata.models import Series
from marketdata.pages.decorators import page_view
from marketdata.pages.next_steps import find_worker_command
from marketdata.pages.runs_table import parse_before
from marketdata.runs.activity import read_activity
from marketdata.runs.jobs import Job, find_shown_jobs
from marketdata.series import describe_unknown, find_series
from marketdata.timestamps import parse_timestamp

_BACKFILL_JOBS = ("price_backfill", "run_backfill")


@page_view
def downloads_page(request: HttpRequest) -> HttpResponse:
    """Subscriptions, spend, open jobs, and requests to the vendor."""
    if slug := request.GET.get("subscribe", "").strip():
        if series := find_series(slug.replace("\0", "")):
            return redirect("subscription", series.slug)
        messages.error(request, describe_unknown(escape_controls(slug)))
    spending = read_spending()
    rows, older = list_requests(parse_before(request))
    jobs = [job for job in find_shown_jobs() if job.action in _BACKFILL_JOBS]
    context = {
        "subscriptions": list_subscriptions(),
        "live_days": list_live_days(),
        "meters": list_meters(spending),
        "spending": spending,
        "requests": rows,
        "older": older,
        "set_key": not has_key(),
        "can_act": may_act(request.user),
        "can_run_daily": may_act(request.user) and has_key(),
        "jobs": jobs,
        "worker_command": find_worker_command(jobs),
        "manage": manage(),
        "activity": read_activity(jobs),
        "activity_address": reverse("home-state"),
    }
    return render(request, "pages/downloads.html", context)


def _acting(act: Callable[[HttpRequest], Job]) -> Callable[[HttpRequest], HttpResponse]:
    """A POST by a user who may act. It leads to the page of the job; an `IngestError` becomes a message. An address
    that is opened without the form leads to the page of downloads."""

    @page_view
    def view(request: HttpRequest) -> HttpResponse:
        if request.method != "POST":
            return redirect("downloads")
        if not may_act(request.user):
            raise PermissionDenied("Only staff who may change runs can do this.")
        try:
            job = act(request)
        except IngestError as error:
            messages.error(request, str(error))
            return redirect("downloads")
        return redirect("job-page", job.pk)

    return view


def _price(request: HttpRequest) -> Job:
    """Plan and price, without buying."""
    start, end = (_read_time(request, name) for name in ("start", "end"))
    if start and end and start >= end:
        raise InputError("The end must be later than the start.")
    return request_price(_read_series(request), start=start, end=end, user=request.user.get_username())


def _fill(request: HttpRequest) -> Job:
    """Buy a plan that was priced, for its price at most."""
    start, end = (_read_time(request, name) for name in ("start", "end"))
    return request_backfill(
        _read_series(request), start=start, end=end, max_usd=_read_usd(request), user=request.user.get_username()
    )


def _daily(request: HttpRequest) -> Job:
    """The daily backfill, now."""
    if not Series.objects.filter(feed_daily=True).exists():
        raise InputError("No series asks for the daily backfill: set it for a series first.")
    return request_daily(request.user.get_username())


price, fill, daily = _acting(_price), _acting(_fill), _acting(_daily)


def _read_series(request: HttpRequest) -> list[str]:
    slugs = list(dict.fromkeys(request.POST.getlist("series")))
    unknown = [slug for slug in slugs if find_series(slug) is None]
    if unknown:
        raise InputError(f"There is no series {unknown[0]!r}.")
    return slugs


def _read_time(request: HttpRequest, name: str) -> datetime | None:
    text = request.POST.get(name, "").strip()
    moment = parse_timestamp(text) if text else None
    if text and (moment is None or moment.second or moment.microsecond):
        raise InputError(f"{text!r} is not a UTC date or time such as 2026-10-05 or 2026-10-05T14:30.")
    return moment


def _read_usd(request: HttpRequest) -> Decimal:
    try:
        usd = Decimal(request.POST.get("usd", ""))
    except InvalidOperation:
        usd = Decimal("NaN")
    if not usd.is_finite() or usd < 0:
        raise InputError("The price of the plan is not known: plan it again.")
    return usd
