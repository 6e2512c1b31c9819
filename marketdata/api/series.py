"""Series over REST: the list, and the stats of one. The API only reads: no endpoint writes."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.params import NoParameters
from marketdata.api.responses.errors import describe_responses
from marketdata.api.responses.examples import STATS_EXAMPLE
from marketdata.api.responses.series import (
    SeriesSummarySerializer,
    StatsSerializer,
    serialize_series,
    serialize_stats,
)
from marketdata.bars.stats import get_stats, list_stats
from marketdata.models import Series
from marketdata.runs.query import find_last_runs
from marketdata.series import find_series, list_slugs

MAX_NAMED_SLUGS = 20


class SeriesViewSet(ViewSet):
    """The stored series and their stats."""

    def get_permissions(self) -> list[BasePermission]:
        # Stats serve as a health check, so they are public unless PUBLIC_STATS is off. Bars are never public.
        if self.action == "stats" and settings.PUBLIC_STATS:
            return [AllowAny()]
        return [IsAuthenticated()]

    @extend_schema(summary="List series", responses=describe_responses(SeriesSummarySerializer(many=True)))
    def list(self, request: Request) -> Response:
        """Each series with its slug, symbol, bar count, first and last minute, freshness and last run."""
        NoParameters.parse(request)
        series = list(Series.objects.all())
        runs = find_last_runs(series)
        pairs = zip(series, list_stats(series), strict=True)
        return Response([serialize_series(one, stats, runs.get(one.symbol)) for one, stats in pairs])

    @extend_schema(
        summary="Get the stats of a series",
        responses=describe_responses(StatsSerializer, 404, example=OpenApiExample("A series with bars", STATS_EXAMPLE)),
    )
    def stats(self, request: Request, slug: str) -> Response:
        """The number of stored minute bars, the first and last minute, and the latest close."""
        series = get_series(slug)
        NoParameters.parse(request)
        return Response(serialize_stats(series, get_stats(series)))


def get_series(slug: str) -> Series:
    """The series with this slug, in any letter case. Raises `NotFound` (404), which lists the first known slugs."""
    series = find_series(slug)
    if series is None:
        known = list_slugs()
        hidden = len(known) - MAX_NAMED_SLUGS
        more = f" and {hidden:,} more" if hidden > 0 else ""
        raise NotFound(f"There is no series '{slug}'. Known: {', '.join(known[:MAX_NAMED_SLUGS])}{more}.")
    return series
