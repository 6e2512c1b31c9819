"""Gaps over REST, each with its verdict."""

from __future__ import annotations

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.errors import check_calendar
from marketdata.api.paging import build_next_page
from marketdata.api.params import GapsParameters
from marketdata.api.responses.errors import describe_responses
from marketdata.api.responses.examples import GAPS_EXAMPLE
from marketdata.api.responses.gaps import GapPageSerializer
from marketdata.api.series import get_series
from marketdata.coverage.verdicts.model import Verdict
from marketdata.coverage.verdicts.query import judge_gaps
from marketdata.coverage.verdicts.serialize import serialize_counts, serialize_gap
from marketdata.timestamps import to_iso


class GapsViewSet(ViewSet):
    """Why minutes of a series have no bar."""

    @extend_schema(
        summary="List gaps with their verdicts",
        parameters=[GapsParameters],
        responses=describe_responses(
            GapPageSerializer, 300, 404, 409, example=OpenApiExample("A day that was not loaded", GAPS_EXAMPLE)
        ),
    )
    def gaps(self, request: Request, slug: str) -> Response:
        """Each range of minutes without a bar, with one verdict and its evidence. The default is all times of which
        data is expected: the life of the series, or all since the first day that backfill requests.

        A gap is divided where its verdict changes. `closed`: outside regular hours. `no_trade`: history covers the
        minutes and has no bar. `known_empty`: the vendor has no data. `not_yet_available`: later than the history that
        the account may read; `until` is about when it is available. `degraded`: the vendor calls the day degraded.
        `missing`: backfill requests it. `verdicts` counts the gaps of all pages, whatever `verdict` is.
        """
        series = get_series(slug)
        parameters = GapsParameters.parse(request)
        check_calendar(series)
        found = judge_gaps(series, start=parameters["start"], end=parameters["end"])
        verdict = Verdict(parameters["verdict"]) if parameters["verdict"] else None
        indexes = found.list_indexes(verdict, parameters["cursor"])
        page = [found[index] for index in indexes[: parameters["limit"]]]
        following = indexes[parameters["limit"] : parameters["limit"] + 1]
        return Response(
            {
                "symbol": series.symbol,
                "calendar": series.calendar,
                "verdicts": serialize_counts(found),
                "gaps": [serialize_gap(gap) for gap in page],
                **build_next_page(request, to_iso(found[following[0]].start) if following else None),
            }
        )
