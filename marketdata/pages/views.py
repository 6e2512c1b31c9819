"""The pages that people open. They read, and ask for a login."""

from __future__ import annotations

import functools

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static

from marketdata.candles.periods import TIMEFRAMES
from marketdata.command_line import manage
from marketdata.models import IngestRun, Series
from marketdata.pages.next_steps import ingest_command, outcome, retry_command
from marketdata.pages.presenters import RunRow, series_row, series_rows
from marketdata.pages.query import list_series_of_run
from marketdata.pages.time_zones import find_time_zone, find_trading_date
from marketdata.runs.later import MAX_NAMED, find_later_changes
from marketdata.runs.locks import close_orphaned_runs
from marketdata.runs.query import find_open_failures, find_runs_of_same_file, read_runs_page
from marketdata.series import search_series

SERIES_PER_PAGE = 20
MAX_SHOWN_FAILURES = 5
LARGEST_ID = 2**63 - 1


def _page(view):
    """A page for who is logged in, and one that never shows a dead run as running."""

    @login_required(login_url="admin:login")
    @functools.wraps(view)
    def page(request: HttpRequest, *args, **kwargs) -> HttpResponse:
        close_orphaned_runs()
        return view(request, *args, **kwargs)

    return page


@_page
def home(request: HttpRequest) -> HttpResponse:
    """Whether it worked: what failed and still needs somebody, each series, the last runs."""
    search = request.GET.get("q", "").replace("\0", "").strip()
    page = Paginator(search_series(search), SERIES_PER_PAGE).get_page(request.GET.get("page"))
    before = _before(request)
    runs, older = read_runs_page(before=before)
    failures = [RunRow(run) for run in find_open_failures()]
    rows = series_rows(page.object_list)
    context = {
        "rows": rows,
        "page": page,
        "search": search,
        "failures": failures[:MAX_SHOWN_FAILURES],
        "failures_more": len(failures) - MAX_SHOWN_FAILURES,
        "runs": [RunRow(run) for run in runs],
        "any_removed": any(run.removed_count for run in runs),
        "before": before,
        "older": older,
        "manage": manage(),
        "first_steps": not search and page.number == 1 and not any(row.first for row in rows),
    }
    return render(request, "pages/home.html", context)


@_page
def series_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One series: its candles, where minutes are missing, and the runs that wrote it."""
    series = Series.objects.filter(slug=slug).first()
    if series is None:
        raise Http404(f"There is no series '{slug}'.")
    before = _before(request)
    runs, older = read_runs_page(before=before, symbol=series.symbol)
    row = series_row(series)
    context = {
        "row": row,
        "first_day": find_trading_date(series, row.first.ts) if row.first else None,
        "last_day": find_trading_date(series, row.last.ts) if row.last else None,
        "series": series,
        "zone": find_time_zone(series),
        "timeframes": ("1m", *TIMEFRAMES),
        "first_command": ingest_command(series),
        "runs": [RunRow(run) for run in runs],
        "any_removed": any(run.removed_count for run in runs),
        "before": before,
        "older": older,
    }
    return render(request, "pages/series.html", context)


@_page
def run_page(request: HttpRequest, pk: int) -> HttpResponse:
    """One run, as a page that can be forwarded: what, when, counts, error, what to do next."""
    run = IngestRun.objects.filter(pk=pk).first() if pk <= LARGEST_ID else None
    if run is None:
        raise Http404(f"There is no ingest run {pk}.")
    others = [RunRow(other) for other in find_runs_of_same_file(run)]
    context = {
        "row": RunRow(run),
        "run": run,
        "outcome": outcome(run),
        "series": list_series_of_run(run),
        "undos": run.undone_by.filter(status=IngestRun.Status.SUCCESS).order_by("-pk"),
        "later": find_later_changes(run),
        "most_later": MAX_NAMED,
        "others": others,
        "loaded_since": next((one for one in others if one.status == "success" and one.pk > run.pk), None),
        "command": retry_command(run),
        "dry_run": retry_command(run, dry_run=True),
    }
    return render(request, "pages/run.html", context)


def favicon(request: HttpRequest) -> HttpResponse:
    """What browsers ask for on pages that name no icon, such as the login."""
    return redirect(static("marketdata/icon.svg"))


def _before(request: HttpRequest) -> int | None:
    text = request.GET.get("before", "")
    return min(int(text), LARGEST_ID) if text.isascii() and text.isdigit() and len(text) < 20 else None
