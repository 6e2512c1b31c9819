"""Coverage over REST: bars per day, and gaps."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.errors import check_calendar
from marketdata.api.examples import COVERAGE_EXAMPLE
from marketdata.api.params import RangeParameters
from marketdata.api.responses import coverage_as_json
from marketdata.api.series import get_series
from marketdata.coverage.report import read_coverage


class CoverageViewSet(ViewSet):
    """How much of each day of a series has bars."""

    @extend_schema(
        summary="Bars per day, and gaps",
        parameters=[RangeParameters],
        responses=OpenApiTypes.OBJECT,
        examples=[OpenApiExample("A day with half an hour missing", COVERAGE_EXAMPLE)],
    )
    def coverage(self, request: Request, slug: str) -> Response:
        """How much of each day has bars, and where minutes are missing. By default the last year of data.

        `days_are` says which days: trading days of the series' calendar, or UTC days where it has none. Each day that
        overlaps [start, end) is given whole, from the one of the first bar on; days on which the exchange was closed
        are left out, days without a bar are not. `start` and `end` bound a day's bars, `ts` is the stamp of its 1d
        candle: later than `start` where a weekend before it belongs to it.

        `open_bars` of a day's `bars` lie in minutes that the exchange was open. Hold them against `expected_by_now`:
        all that was `expected` of the day, or while it is `forming` the open minutes that are over. A series without a
        calendar counts as open all the time; `usual_bars`, the median of the fuller half of its days, tells more of it
        than 1,440 minutes do (null with a calendar, and for fewer than five days).

        A gap is where minutes are missing between two bars of [start, end). It is not an error in itself: a minute
        without a trade has no bar. For `open_minutes` of its `minutes` the exchange was open. `open_gap_count` gaps
        have such minutes, `closed_gap_count` have none. `gaps` has up to 1,000 of either kind, in order of time: those
        with most open minutes, and the longest while it was closed. Without a calendar the three fields are null, and
        `gaps` has the longest 1,000. `gap_count` is always the number of all.
        """
        series = get_series(slug)
        wanted = RangeParameters.of(request)
        check_calendar(series)
        return Response(coverage_as_json(series, read_coverage(series, start=wanted["start"], end=wanted["end"])))
