"""Minute bars over REST, and their earlier values."""

from __future__ import annotations

from functools import partial

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from marketdata.api.errors import check_session
from marketdata.api.exports import export_bars
from marketdata.api.negotiation import FilesViewSet
from marketdata.api.paging import build_next_page
from marketdata.api.params import BarsParameters, RevisionCursor, RevisionsParameters
from marketdata.api.responses.bars import (
    BarPageSerializer,
    RevisionPageSerializer,
    format_bars,
    serialize_revision,
)
from marketdata.api.responses.errors import describe_responses
from marketdata.api.responses.examples import REVISIONS_EXAMPLE
from marketdata.api.responses.provisional import list_ranges
from marketdata.api.series import get_series
from marketdata.bars.as_of import read_bar_page_as_of
from marketdata.bars.query import read_bar_page
from marketdata.bars.revisions import read_revision_page
from marketdata.history.provisional import find_provisional
from marketdata.timestamps import to_iso


class BarsViewSet(FilesViewSet):
    """Minute bars of one series, current or as of an earlier time, and their revisions."""

    @extend_schema(
        summary="List minute bars",
        parameters=[BarsParameters],
        responses=describe_responses(BarPageSerializer, 300, 404, files=True),
    )
    def bars(self, request: Request, slug: str) -> Response | StreamingHttpResponse:
        """Bars of [start, end) in pages, or the complete range as a file. Prices are exact decimal text.

        With `as_of`, the bars as they were stored at that time. Bars that later runs inserted are omitted. Bars that
        later runs changed or removed have their earlier values.

        Without `format`, the header Accept selects the format: text/csv, application/vnd.apache.parquet or
        application/vnd.apache.arrow.stream requests the file. HEAD returns the headers of a file and reads no bars. In
        CSV, a symbol that a spreadsheet would read as a formula (it begins with = + - @) has an apostrophe before it.
        """
        series = get_series(slug)
        parameters = BarsParameters.parse(request)
        check_session(series, parameters["session"])
        as_of = parameters["as_of"]
        if parameters["format"] != "json":
            return export_bars(request, series, parameters)
        read_page = read_bar_page if as_of is None else partial(read_bar_page_as_of, as_of=as_of)
        bars, next_cursor = read_page(
            series,
            start=parameters["start"],
            end=parameters["end"],
            after=parameters["cursor"],
            descending=parameters["order"] == "desc",
            limit=parameters["limit"],
            hours=parameters["session"],
        )
        body = {
            "symbol": series.symbol,
            "timeframe": "1m",
            "session": parameters["session"],
            "order": parameters["order"],
            "as_of": to_iso(as_of),
            "provisional": list_ranges((bar.ts for bar in bars), find_provisional(series, bars)),
            "bars": format_bars(bars),
        }
        return Response(body | build_next_page(request, to_iso(next_cursor)))

    @extend_schema(
        summary="List revisions of minute bars",
        parameters=[RevisionsParameters],
        responses=describe_responses(
            RevisionPageSerializer, 300, 404, example=OpenApiExample("A corrected bar", REVISIONS_EXAMPLE)
        ),
    )
    def revisions(self, request: Request, slug: str) -> Response:
        """The earlier values of bars in [start, end), or of the bar at `ts`, that a run changed or removed.

        `operation` is update or delete. `brought_by` is the run that stored the values, `replaced_by` the run that
        replaced or removed them, and `replaced_at` the time of that. Bars `as_of` that time have the new values.
        """
        series = get_series(slug)
        parameters = RevisionsParameters.parse(request)
        revisions, after = read_revision_page(
            series,
            start=parameters["start"],
            end=parameters["end"],
            after=parameters["cursor"],
            descending=parameters["order"] == "desc",
            limit=parameters["limit"],
        )
        next_cursor = RevisionCursor().to_representation(after) if after else None
        body = {
            "symbol": series.symbol,
            "order": parameters["order"],
            "revisions": [serialize_revision(revision) for revision in revisions],
        }
        return Response(body | build_next_page(request, next_cursor))
