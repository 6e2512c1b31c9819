"""The overview and the page of one series. Both only read, and require a login."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.templatetags.static import static
from django.urls import reverse

from marketdata.candles.periods import TIMEFRAMES
from marketdata.command_line import manage
from marketdata.pages.decorators import page_view
from marketdata.pages.next_steps import build_ingest_command
from marketdata.pages.presenters import RunRow, build_series_row, build_series_rows
from marketdata.pages.time_zones import find_time_zone, find_trading_date
from marketdata.runs.query import find_open_failures, read_runs_page
from marketdata.series import find_series, search_series

SERIES_PER_PAGE = 20
MAX_SHOWN_FAILURES = 5


@page_view
def home(request: HttpRequest) -> HttpResponse:
    """The overview: open failures, all series, the last runs."""
    search = request.GET.get("q", "").replace("\0", "").strip()
    page = Paginator(search_series(search), SERIES_PER_PAGE).get_page(request.GET.get("page"))
    before = _parse_before(request)
    runs, older = read_runs_page(before=before)
    failures = [RunRow(run) for run in find_open_failures()]
    rows = build_series_rows(page.object_list)
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


@page_view
def series_page(request: HttpRequest, slug: str) -> HttpResponse:
    """One series: its candles, coverage, gaps and the runs that wrote to it.

    A slug in another letter case is redirected, so that each page has one address.
    """
    series = find_series(slug)
    if series is None:
        raise Http404(f"There is no series '{slug}'.")
    if series.slug != slug:
        query = request.META["QUERY_STRING"]
        return redirect(reverse("series-page", args=[series.slug]) + (f"?{query}" if query else ""))
    before = _parse_before(request)
    runs, older = read_runs_page(before=before, symbol=series.symbol)
    row = build_series_row(series)
    context = {
        "row": row,
        "first_day": find_trading_date(series, row.first.ts) if row.first else None,
        "last_day": find_trading_date(series, row.last.ts) if row.last else None,
        "series": series,
        "zone": find_time_zone(series),
        "timeframes": ("1m", *TIMEFRAMES),
        "first_command": build_ingest_command(series),
        "runs": [RunRow(run) for run in runs],
        "any_removed": any(run.removed_count for run in runs),
        "before": before,
        "older": older,
    }
    return render(request, "pages/series.html", context)


def favicon(request: HttpRequest) -> HttpResponse:
    """Redirect to the icon: browsers request this address on pages that link none, such as the login."""
    return redirect(static("marketdata/icon.svg"))


def _parse_before(request: HttpRequest) -> int | None:
    """The run id in `before`, or None. The length is limited: Python refuses to parse thousands of digits."""
    text = request.GET.get("before", "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None
