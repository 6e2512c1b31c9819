"""The overview and the page of one series. Both only read, and require a login."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from marketdata.addresses import FoundRedirect
from marketdata.candles.periods import TIMEFRAMES
from marketdata.command_line import manage
from marketdata.pages.contract_texts import describe_contract
from marketdata.pages.coverage_texts import describe_coverage, explain_calendar
from marketdata.pages.decorators import page_view, state_view
from marketdata.pages.filters import Filters, read_filters
from marketdata.pages.live.series_feed import build_series_feed
from marketdata.pages.next_steps import build_ingest_command, find_worker_command
from marketdata.pages.presenters import RunRow, build_series_row, build_series_rows
from marketdata.pages.runs_table import build_runs_table, parse_before
from marketdata.pages.scripts import list_imported_modules
from marketdata.pages.short_codes import build_address, respond_to_short_code
from marketdata.pages.time_zones import find_life_dates, has_extended_hours
from marketdata.runs.activity import Activity, read_activity
from marketdata.runs.jobs import find_shown_jobs
from marketdata.runs.query import find_open_failures, read_runs
from marketdata.series import find_series
from marketdata.series_calendars import find_time_zone

SERIES_SCRIPT = "marketdata/js/series/page.js"
SERIES_PER_PAGE = 20
MAX_SHOWN_FAILURES = 5
MAX_LISTED_FAILURES = 1000


@page_view
def home(request: HttpRequest) -> HttpResponse:
    """The overview: open failures, all series, the last runs."""
    filters = read_filters(request)
    page = Paginator(filters.find_series(), SERIES_PER_PAGE).get_page(request.GET.get("page"))
    shows_all = request.GET.get("failures") == "all"
    failures = find_open_failures()
    shown = read_runs(failures[: MAX_LISTED_FAILURES if shows_all else MAX_SHOWN_FAILURES])
    jobs = find_shown_jobs()
    rows = build_series_rows(list(page.object_list))
    session = parse_before(request, "session")
    context = {
        "rows": rows,
        "page": page,
        "filters": filters,
        "has_search": filters.is_any_set or page.has_other_pages() or bool(filters.selects),
        "empty": _describe_no_series(filters),
        "failures": [RunRow(run) for run in shown],
        "failure_count": len(failures),
        "more_failures": _count_more(len(failures) - len(shown)),
        "jobs": jobs,
        "worker_command": find_worker_command(jobs),
        "activity": read_activity(jobs),
        "activity_address": reverse("home-state"),
        "activity_idle": True,
        "runs": build_runs_table(
            before=parse_before(request),
            empty="No file has been ingested yet." if session is None else "The session has no runs.",
            session=session,
        ),
        "manage": manage(),
        "first_steps": not filters.is_any_set and page.number == 1 and not any(row.first for row in rows),
    }
    return render(request, "pages/home.html", context)


@state_view
def home_state(request: HttpRequest) -> Activity:
    """What the overview polls while runs or jobs are running."""
    return read_activity()


@page_view
def series_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One series: its candles, coverage, gaps and the runs that wrote to it.

    A slug in another letter case is redirected, so that each page has one address. So is the short code of a contract.
    """
    series = find_series(slug)
    if series is None:
        return respond_to_short_code(request, slug)
    if series.slug != slug:
        return FoundRedirect(build_address(request, slug, series.slug))
    empty = "No run has written to it yet."
    row = build_series_row(series)
    zone = find_time_zone(series)
    dates = find_life_dates(series, row.first.ts, row.last.ts) if row.first and row.last else (None, None)
    context = {
        "row": row,
        "script": SERIES_SCRIPT,
        "modules": list_imported_modules(SERIES_SCRIPT),
        "first_day": dates[0],
        "last_day": dates[1],
        "series": series,
        "contract": describe_contract(series, timezone.now().date()),
        "feed": build_series_feed(request, series),
        "zone": zone,
        "exchange_zone": "" if zone == "UTC" else zone,
        "has_extended_hours": has_extended_hours(series),
        "coverage": describe_coverage(series, is_staff=request.user.is_staff),
        "calendar_reason": explain_calendar(series, is_staff=request.user.is_staff),
        "timeframes": ("1m", *TIMEFRAMES),
        "first_command": build_ingest_command(series),
        "runs": build_runs_table(before=parse_before(request), series=series, empty=empty),
    }
    return render(request, "pages/series.html", context)


def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon: browsers request this address on pages that link none, such as the login."""
    return redirect(static("marketdata/icon.svg"))


def _describe_no_series(filters: Filters) -> str:
    if not filters.is_any_set:
        return "There is no series yet: ingesting a file creates one."
    values = " ".join(filter(None, (filters.search, filters.product, filters.kind)))
    return format_html('No series matches “{}”. <a href="{}">Show all</a>', values, reverse("home"))


def _count_more(count: int) -> str:
    """The text of the link to failures that are not shown; empty if all are."""
    return f"{count} more failed run{'' if count == 1 else 's'}" if count > 0 else ""
