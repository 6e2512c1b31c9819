"""Candles over REST: what the minute bars have, in the same pages and forms."""

from __future__ import annotations

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiParameter, OpenApiTypes, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.errors import check_calendar
from marketdata.api.exports import export_candles
from marketdata.api.paging import next_page
from marketdata.api.params import CandlesParameters, NoParameters
from marketdata.api.responses import EMPTY
from marketdata.api.series import get_series
from marketdata.candles.aggregate import Candle
from marketdata.candles.count import count_candles
from marketdata.candles.periods import TIMEFRAMES
from marketdata.candles.query import read_candle_page
from marketdata.models import Series
from marketdata.timestamps import to_iso

_TIMEFRAME = OpenApiParameter("timeframe", str, OpenApiParameter.PATH, enum=TIMEFRAMES)


class CandleViewSet(ViewSet):
    """Candles of series, made of the minute bars when they are asked for.

    Intraday candles count from the session's open where the series has a trading calendar, else from UTC midnight; 1d
    and 1w are the exchange's trading days and weeks, and `session_date` says which. A period without a bar has no
    candle. Of its `expected` minutes, in which the exchange was open, `bar_count` have a bar; `forming` says that it is
    not over yet.
    """

    def get_permissions(self) -> list:
        if self.action == "stats" and settings.PUBLIC_STATS:
            return [AllowAny()]
        return [IsAuthenticated()]

    @extend_schema(summary="Candles", parameters=[_TIMEFRAME, CandlesParameters], responses=OpenApiTypes.OBJECT)
    def bars(self, request: Request, slug: str, timeframe: str) -> Response | StreamingHttpResponse:
        """Candles stamped in [start, end) in pages, or the whole range as CSV or Parquet. Each is whole, also where its
        bars reach beyond the range. Prices are exact decimals as text."""
        series = _series(slug, timeframe)
        wanted = CandlesParameters.of(request)
        if wanted["format"] != "json":
            return export_candles(series, timeframe, wanted["format"], wanted["start"], wanted["end"])
        candles, next_cursor = read_candle_page(
            series,
            timeframe,
            start=wanted["start"],
            end=wanted["end"],
            after=wanted["cursor"],
            descending=wanted["order"] == "desc",
            limit=wanted["limit"],
        )
        return Response(
            {
                "symbol": series.symbol,
                "timeframe": timeframe,
                "calendar": series.calendar,
                "order": wanted["order"],
                "bars": [_as_json(candle) for candle in candles],
            }
            | next_page(request, to_iso(next_cursor))
        )

    @extend_schema(summary="How many candles there are", parameters=[_TIMEFRAME], responses=OpenApiTypes.OBJECT)
    def stats(self, request: Request, slug: str, timeframe: str) -> Response:
        """How many candles of this timeframe the series has now, from when to when, and its latest close."""
        series = _series(slug, timeframe)
        NoParameters.of(request)
        return Response(_stats(series, timeframe))


def _stats(series: Series, timeframe: str) -> dict:
    ends = [
        read_candle_page(series, timeframe, start=None, end=None, after=None, descending=descending, limit=1)[0]
        for descending in (False, True)
    ]
    first, last = (candles[0] if candles else None for candles in ends)
    body = {
        "row_count": count_candles(series, timeframe),
        "min_ts": to_iso(first and first.ts),
        "max_ts": to_iso(last and last.ts),
        "latest_close": float(last.close) if last else None,
        "latest_ts": to_iso(last and last.ts),
        "symbol": series.symbol,
        "timeframe": timeframe,
        "vendor": series.vendor,
    }
    return body if last else body | {"message": EMPTY}


def _as_json(candle: Candle) -> dict:
    return candle._asdict() | {
        "ts": to_iso(candle.ts),
        "session_date": candle.session_date.isoformat(),
        "volume": int(candle.volume),
    }


def _series(slug: str, timeframe: str) -> Series:
    if timeframe not in TIMEFRAMES:
        raise NotFound(f"There is no timeframe '{timeframe}'. Known: 1m, {', '.join(TIMEFRAMES)}.")
    series = get_series(slug)
    check_calendar(series)
    return series
