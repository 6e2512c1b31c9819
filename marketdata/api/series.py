"""Series over REST: the list, and the stats of one. The API only reads: no endpoint writes."""

from __future__ import annotations

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.contracts import ShortCode
from marketdata.api.params import NoParameters, SeriesParameters
from marketdata.api.responses.errors import describe_responses
from marketdata.api.responses.examples import SERIES_EXAMPLE, STATS_EXAMPLE
from marketdata.api.responses.json_rows import PageRenderer
from marketdata.api.responses.series import (
    SeriesSummarySerializer,
    StatsSerializer,
    format_list_of_series,
    serialize_stats,
)
from marketdata.bars.stats import get_stats, list_spans
from marketdata.models import Series
from marketdata.runs.query import find_last_runs
from marketdata.series import (
    describe_unknown,
    filter_series,
    find_contracts,
    find_series,
    list_raw_symbols,
    list_summaries,
)


class SeriesViewSet(ViewSet):
    """The stored series and their stats."""

    renderer_classes = (PageRenderer,)

    def get_permissions(self) -> list[BasePermission]:
        # Stats serve as a health check, so they are public unless PUBLIC_STATS is off. Bars are never public.
        if self.action == "stats" and settings.PUBLIC_STATS:
            return [AllowAny()]
        return [IsAuthenticated()]

    @extend_schema(
        summary="List series",
        parameters=[SeriesParameters],
        responses=describe_responses(
            SeriesSummarySerializer(many=True), example=OpenApiExample("A contract", SERIES_EXAMPLE)
        ),
    )
    def list(self, request: Request) -> Response:
        """Each series with its slug, symbol, bar count, first and last minute, freshness, last run, tick size and
        contract.

        For example `?product=NQ&kind=outright&active=true` lists the NQ contracts that still trade.
        """
        parameters = SeriesParameters.parse(request)
        now = timezone.now()
        selected = filter_series(Series.objects.all(), today=now.date(), **parameters)
        series = list_summaries(selected)
        symbols = [one.symbol for one in series]
        body = format_list_of_series(
            series, list_spans(symbols), find_last_runs(symbols), list_raw_symbols(selected), now
        )
        return Response(body)

    @extend_schema(
        summary="Get the stats of a series",
        responses=describe_responses(
            StatsSerializer, 300, 404, example=OpenApiExample("A series with bars", STATS_EXAMPLE)
        ),
    )
    def stats(self, request: Request, slug: str) -> Response:
        """The number of stored minute bars, the first and last minute, and the latest close."""
        series = get_series(slug)
        NoParameters.parse(request)
        return Response(serialize_stats(series, get_stats(series)))


def get_series(slug: str) -> Series:
    """The series with this slug, in any letter case.

    Raises `ShortCode` (307 or 300) for the short code of contracts, and `NotFound` (404) for other slugs.
    """
    series = find_series(slug)
    if series is not None:
        return series
    contracts = find_contracts(slug)
    if contracts:
        raise ShortCode(contracts)
    raise NotFound(describe_unknown(slug))
