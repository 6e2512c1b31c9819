"""Unknown addresses below /api/: the answer is JSON and lists the addresses that exist."""

from __future__ import annotations

import re

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from marketdata.candles.periods import TIMEFRAMES

_SERIES_RESOURCES = (
    *(f"ohlcv-1m/{resource}" for resource in ("stats", "bars", "stream", "revisions")),
    *(f"ohlcv-<timeframe>/{resource}" for resource in ("stats", "bars", "stream")),
    "coverage",
    "gaps",
)
_RUN_ADDRESSES = ("/api/ingest-runs/", "/api/ingest-runs/<id>/")
_FINDING_ADDRESSES = (
    "/api/quality/findings/",
    "/api/quality/findings/<id>/",
    *(f"/api/quality/findings/<id>/{action}/" for action in ("acknowledge", "resolve", "reopen")),
)


@extend_schema(exclude=True)
class NotFoundView(APIView):
    """404 for every method, with or without a login: the answer lists only what /api/docs/ shows to everyone."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        address = request.path.removeprefix("/api/").strip("/")
        raise NotFound({"detail": _describe_error(address), "addresses": _list_addresses(address)})


def _describe_error(address: str) -> str:
    match address.split("/"):
        case ["ingest-runs", run]:
            return f"'{run}' is not the number of an ingest run."
        case ["market-data", _, timeframe, "revisions"] if timeframe.removeprefix("ohlcv-") in TIMEFRAMES:
            return "Only minute bars have revisions: candles are computed from the current bars."
        case ["market-data", slug]:
            return f"The address of series '{slug}' is incomplete: use one of the addresses below."
    return "There is no such address."


def _list_addresses(address: str) -> list[str]:
    """The addresses of the same series, of runs or of findings, if the path begins like one of them; otherwise all."""
    series = re.match(r"market-data/([-\w]+)", address)
    prefix = f"/api/market-data/{series[1] if series else '<slug>'}/"
    series_addresses = [prefix + resource for resource in _SERIES_RESOURCES]
    if series:
        return series_addresses
    if address.startswith("ingest-runs"):
        return list(_RUN_ADDRESSES)
    if address.startswith("quality"):
        return list(_FINDING_ADDRESSES)
    others = [*_RUN_ADDRESSES, "/api/feeds/", *_FINDING_ADDRESSES, "/api/docs/", "/api/schema/"]
    return ["/api/market-data/", *series_addresses, *others]
