"""Candles over REST, in the pages and formats of minute bars."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, BasePermission, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response

from marketdata.api.errors import check_calendar, check_session
from marketdata.api.exports import export_candles
from marketdata.api.negotiation import FilesViewSet
from marketdata.api.paging import build_next_page
from marketdata.api.params import CandlesParameters, NoParameters
from marketdata.api.responses.candles import CandlePageSerializer, format_candles
from marketdata.api.responses.errors import describe_responses
from marketdata.api.responses.provisional import list_ranges
from marketdata.api.responses.series import StatsSerializer, serialize_stats
from marketdata.api.series import get_series
from marketdata.bars.stats import SeriesStats
from marketdata.candles.aggregate import Candle
from marketdata.candles.count import count_candles
from marketdata.candles.periods import TIMEFRAMES
from marketdata.candles.provisional import find_provisional_candles
from marketdata.candles.query import read_candle_columns, read_candle_page
from marketdata.models import Series
from marketdata.timestamps import from_seconds, to_iso

TIMEFRAME = OpenApiParameter(
    "timeframe", str, OpenApiParameter.PATH, enum=TIMEFRAMES, description="The length of a candle."
)


class CandleViewSet(FilesViewSet):
    """Candles of one series, computed from its minute bars at the time of the request."""

    def get_permissions(self) -> list[BasePermission]:
        if self.action == "stats" and settings.PUBLIC_STATS:
            return [AllowAny()]
        return [IsAuthenticated()]

    @extend_schema(
        summary="List candles",
        parameters=[TIMEFRAME, CandlesParameters],
        responses=describe_responses(CandlePageSerializer, 300, 404, 409, files=True),
    )
    def bars(self, request: Request, slug: str, timeframe: str) -> Response | StreamingHttpResponse:
        """Candles with a timestamp in [start, end) in pages, or the complete range as a file.

        Each candle is complete, even if its bars extend beyond the range. Prices are exact decimal text.

        Intraday candles start at the session's open if the series has a trading calendar, otherwise at UTC midnight. 1d
        and 1w candles are the exchange's trading days and weeks, and `session_date` is their date. A period without a
        bar has no candle. `bar_count` is the number of bars, `expected` the number of minutes the exchange was open. A
        candle is `forming` until the exchange closes in its period.

        With `session=regular` a candle has only the bars in regular hours, and is `forming` until these end. Without a
        regular bar there is no candle. `expected` counts regular minutes in both: extended hours may have bars, but
        none is missing there.

        Without `format`, the header Accept selects the format, as for minute bars.
        """
        series = get_candle_series(slug, timeframe)
        parameters = CandlesParameters.parse(request)
        check_session(series, parameters["session"])
        if parameters["format"] != "json":
            return export_candles(request, series, timeframe, parameters)
        candles, next_cursor = read_candle_columns(
            series,
            timeframe,
            start=parameters["start"],
            end=parameters["end"],
            after=parameters["cursor"],
            descending=parameters["order"] == "desc",
            limit=parameters["limit"],
            hours=parameters["session"],
        )
        provisional = find_provisional_candles(series, timeframe, candles, parameters["session"])
        body = {
            "symbol": series.symbol,
            "timeframe": timeframe,
            "calendar": series.calendar,
            "session": parameters["session"],
            "order": parameters["order"],
            "provisional": list_ranges(map(from_seconds, candles.ts), provisional),
            "bars": format_candles(candles),
        }
        return Response(body | build_next_page(request, to_iso(next_cursor)))

    @extend_schema(
        summary="Get the stats of a series' candles",
        parameters=[TIMEFRAME],
        responses=describe_responses(StatsSerializer, 300, 404, 409),
    )
    def stats(self, request: Request, slug: str, timeframe: str) -> Response:
        """The number of candles of this timeframe, the first and last timestamp, and the latest close, of all hours."""
        series = get_candle_series(slug, timeframe)
        NoParameters.parse(request)
        return Response(serialize_stats(series, _compute_stats(series, timeframe), timeframe))


def get_candle_series(slug: str, timeframe: str) -> Series:
    """The series. Raises `NotFound` for an unknown timeframe, and what `get_series` and `check_calendar` raise."""
    if timeframe not in TIMEFRAMES:
        raise NotFound(f"There is no timeframe '{timeframe}'. Known: 1m, {', '.join(TIMEFRAMES)}.")
    series = get_series(slug)
    check_calendar(series)
    return series


def _compute_stats(series: Series, timeframe: str) -> SeriesStats:
    first, last = (_read_end(series, timeframe, descending=descending) for descending in (False, True))
    if first is None or last is None:
        return SeriesStats(0, None, None, None)
    return SeriesStats(count_candles(series, timeframe), first.ts, last.ts, Decimal(last.close))


def _read_end(series: Series, timeframe: str, *, descending: bool) -> Candle | None:
    candles, _ = read_candle_page(series, timeframe, start=None, end=None, after=None, descending=descending, limit=1)
    return candles[0] if candles else None
