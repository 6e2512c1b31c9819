"""Short codes of contracts in addresses, such as NQH5: 307 to the only contract, or 300 with the choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse
from rest_framework import status
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from marketdata.addresses import NO_STORE, TemporaryRedirect, replace_slug
from marketdata.api.responses.contracts import serialize_choice
from marketdata.models import Series
from marketdata.series import sort_contracts


class ShortCode(APIException):
    """The slug is no series but the short code of `contracts`. The response is a redirect, or the choices."""

    status_code = status.HTTP_300_MULTIPLE_CHOICES
    default_detail = "The slug is a short code of contracts."

    def __init__(self, contracts: Sequence[Series]) -> None:
        super().__init__()
        self.contracts = contracts


def respond_to_short_code(error: ShortCode, context: dict[str, Any]) -> HttpResponse:
    """307 to the same address with the slug of the only contract, or 300 with the choices in order of time.

    `context` is that of REST framework's exception handlers.
    """
    request, slug = context["request"], context["kwargs"]["slug"]
    if len(error.contracts) == 1:
        return TemporaryRedirect(_build_address(request, slug, error.contracts[0]))
    host = f"{request.scheme}://{request.get_host()}"
    choices = [
        serialize_choice(series, stats, host + _build_address(request, slug, series))
        for series, stats in sort_contracts(error.contracts)
    ]
    return Response({"choices": choices}, status=error.status_code, headers={"Cache-Control": NO_STORE})


def _build_address(request: Request, slug: str, series: Series) -> str:
    return replace_slug(request, f"/market-data/{slug}/", f"/market-data/{series.slug}/")
