"""The REST API. It reads; nothing over REST writes."""

from __future__ import annotations

from django.conf import settings
from drf_spectacular.utils import OpenApiExample, OpenApiTypes, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.examples import STATS_EXAMPLE
from marketdata.api.params import (
    NoParameters,
)
from marketdata.api.responses import (
    series_as_json,
    stats_as_json,
)
from marketdata.bars.stats import get_stats, list_stats
from marketdata.models import Series
from marketdata.runs.query import find_last_runs
from marketdata.series import list_slugs


class SeriesViewSet(ViewSet):
    """Minute bars of series, each found by its slug."""

    def get_permissions(self) -> list:
        # How much there is, is public as a health check is, unless the operator closes it; bars never are.
        if self.action == "stats" and settings.PUBLIC_STATS:
            return [AllowAny()]
        return [IsAuthenticated()]

    @extend_schema(summary="All series", responses=OpenApiTypes.OBJECT)
    def list(self, request: Request) -> Response:
        """Each series with its slug, symbol, bars, first and last minute, freshness and last run."""
        NoParameters.of(request)
        series = list(Series.objects.all())
        runs = find_last_runs(series)
        lines = zip(series, list_stats(series), strict=True)
        return Response([series_as_json(one, stats, runs.get(one.symbol)) for one, stats in lines])

    @extend_schema(
        summary="What the table holds of a series",
        responses=OpenApiTypes.OBJECT,
        examples=[OpenApiExample("With bars", STATS_EXAMPLE)],
    )
    def stats(self, request: Request, slug: str) -> Response:
        """How much of the series the table holds now, from when to when, and its latest close."""
        series = get_series(slug)
        NoParameters.of(request)
        return Response(stats_as_json(series, get_stats(series)))


def get_series(slug: str) -> Series:
    series = Series.objects.filter(slug=slug).first()
    if series is None:
        known = list_slugs()
        more = f" and {len(known) - 20:,} more" if len(known) > 20 else ""
        raise NotFound(f"There is no series '{slug}'. Known: {', '.join(known[:20])}{more}.")
    return series
