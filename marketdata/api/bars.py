"""Minute bars over REST, and their earlier values."""

from __future__ import annotations

from functools import partial

from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiTypes, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.examples import REVISIONS_EXAMPLE
from marketdata.api.exports import export_response
from marketdata.api.paging import next_page
from marketdata.api.params import BarsParameters, RevisionCursor, RevisionsParameters
from marketdata.api.responses import bar_as_json, revision_as_json
from marketdata.api.series import get_series
from marketdata.bars.as_of import read_bar_page_as_of
from marketdata.bars.query import read_bar_page
from marketdata.bars.revisions import read_revision_page
from marketdata.timestamps import to_iso


class BarsViewSet(ViewSet):
    """Minute bars of one series, now or as of an earlier time."""

    @extend_schema(summary="Minute bars", parameters=[BarsParameters], responses=OpenApiTypes.OBJECT)
    def bars(self, request: Request, slug: str) -> Response | StreamingHttpResponse:
        """Bars of [start, end) in pages, or the whole range as CSV or Parquet. Prices are exact decimals as text.

        With `as_of`, the bars as they were known then: without what later runs brought, with the values that later runs
        changed, and with the bars that later runs removed.
        """
        series = get_series(slug)
        wanted = BarsParameters.of(request)
        as_of = wanted["as_of"]
        if wanted["format"] != "json":
            return export_response(series, wanted["format"], wanted["start"], wanted["end"], as_of=as_of)
        page = read_bar_page if as_of is None else partial(read_bar_page_as_of, as_of=as_of)
        bars, next_cursor = page(
            series,
            start=wanted["start"],
            end=wanted["end"],
            after=wanted["cursor"],
            descending=wanted["order"] == "desc",
            limit=wanted["limit"],
        )
        return Response(
            {
                "symbol": series.symbol,
                "timeframe": "1m",
                "order": wanted["order"],
                "as_of": to_iso(as_of),
                "bars": [bar_as_json(bar) for bar in bars],
            }
            | next_page(request, to_iso(next_cursor))
        )

    @extend_schema(
        summary="What bars were before",
        parameters=[RevisionsParameters],
        responses=OpenApiTypes.OBJECT,
        examples=[OpenApiExample("A bar that was corrected", REVISIONS_EXAMPLE)],
    )
    def revisions(self, request: Request, slug: str) -> Response:
        """The values that bars of [start, end), or of the minute ts, had before a run changed or removed them.

        `operation` is update or delete; `brought_by` is the run that had brought the values, `replaced_by` the run that
        ended them, `replaced_at` when: bars as of then have the values that came after.
        """
        series = get_series(slug)
        wanted = RevisionsParameters.of(request)
        revisions, after = read_revision_page(
            series,
            start=wanted["start"],
            end=wanted["end"],
            after=wanted["cursor"],
            descending=wanted["order"] == "desc",
            limit=wanted["limit"],
        )
        next_cursor = RevisionCursor().to_representation(after) if after else None
        return Response(
            {
                "symbol": series.symbol,
                "order": wanted["order"],
                "revisions": [revision_as_json(revision) for revision in revisions],
            }
            | next_page(request, next_cursor)
        )
