"""Addresses below /api/ that lead nowhere: a client is told so in JSON, and which addresses there are."""

from __future__ import annotations

import re

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.views import APIView

from marketdata.candles.periods import TIMEFRAMES

_OF_SERIES = (
    *(f"ohlcv-1m/{what}" for what in ("stats", "bars", "revisions")),
    *(f"ohlcv-<timeframe>/{what}" for what in ("stats", "bars")),
    "coverage",
)
_RUNS = ("/api/ingest-runs/", "/api/ingest-runs/<id>/")


@extend_schema(exclude=True)
class Unknown(APIView):
    """404 for each method, with or without a login: it tells nothing that /api/docs/ does not."""

    authentication_classes = ()
    permission_classes = (AllowAny,)
    throttle_classes = ()

    def initial(self, request: Request, *args, **kwargs) -> None:
        address = request.path.removeprefix("/api/").strip("/")
        raise NotFound({"detail": _sentence(address), "addresses": _addresses(address)})


def _sentence(address: str) -> str:
    match address.split("/"):
        case ["ingest-runs", run]:
            return f"'{run}' is not the number of an ingest run."
        case ["market-data", _, timeframe, "revisions"] if timeframe.removeprefix("ohlcv-") in TIMEFRAMES:
            return "Only minute bars have revisions: candles are made of the bars as they are now."
        case ["market-data", slug]:
            return f"Say what of the series '{slug}' is wanted."
    return "There is no such address."


def _addresses(address: str) -> list[str]:
    """Those that may have been meant: of the same series, of runs, else all."""
    series = re.match(r"market-data/([-\w]+)", address)
    below = f"/api/market-data/{series[1] if series else '<slug>'}/"
    of_series = [below + what for what in _OF_SERIES]
    if series:
        return of_series
    if address.startswith("ingest-runs"):
        return list(_RUNS)
    return ["/api/market-data/", *of_series, *_RUNS, "/api/docs/", "/api/schema/"]
