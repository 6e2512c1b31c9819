"""The short code of a contract in a page's address, such as NQH5: redirected, or answered with links."""

from __future__ import annotations

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from marketdata.addresses import NO_STORE, TemporaryRedirect, replace_slug
from marketdata.pages.presenters import SeriesRow
from marketdata.series import find_contracts, sort_contracts


def respond_to_short_code(request: HttpRequest, code: str) -> HttpResponse:
    """307 to the page of the only contract, 300 with links to several. Raises `Http404` if there is none."""
    contracts = find_contracts(code)
    if not contracts:
        raise Http404(f"There is no series '{code}'.")
    if len(contracts) == 1:
        return TemporaryRedirect(build_address(request, code, contracts[0].slug))
    choices = [
        (SeriesRow(series, stats), build_address(request, code, series.slug))
        for series, stats in sort_contracts(contracts)
    ]
    context = {"code": code, "choices": choices}
    response = render(request, "pages/contracts.html", context, status=300)
    response.headers["Cache-Control"] = NO_STORE
    return response


def build_address(request: HttpRequest, slug: str, new_slug: str) -> str:
    """The address of the requested page for another slug, with the query."""
    return replace_slug(request, f"/series/{slug}/", f"/series/{new_slug}/")
