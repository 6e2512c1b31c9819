"""The REST API. It reads; nothing over REST writes."""

from __future__ import annotations

from functools import partial

from django.conf import settings
from django.http import StreamingHttpResponse
from drf_spectacular.utils import OpenApiExample, OpenApiTypes, extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.permissions import AllowAny, IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import ViewSet

from marketdata.api.errors import check_calendar
from marketdata.api.exports import export_response
from marketdata.api.paging import next_page
from marketdata.api.params import (
    BarsParameters,
    NoParameters,
    RangeParameters,
    RevisionCursor,
    RevisionsParameters,
    RunsParameters,
)
from marketdata.api.responses import (
    IngestRunSerializer,
    bar_as_json,
    coverage_as_json,
    revision_as_json,
    series_as_json,
    stats_as_json,
)
from marketdata.bars.as_of import page_of_bars_as_of, page_of_revisions
from marketdata.bars.query import known_slugs, last_runs, page_of_bars, series_stats, stats_of
from marketdata.coverage.report import series_coverage
from marketdata.formatting import iso
from marketdata.models import IngestRun, Series
from marketdata.runs.locks import close_dead_runs

STATS_EXAMPLE = {
    "row_count": 50000,
    "min_ts": "2024-01-01T00:00:00+00:00",
    "max_ts": "2024-02-20T05:19:00+00:00",
    "latest_close": 16234.5,
    "latest_ts": "2024-02-20T05:19:00+00:00",
    "symbol": "CME_MINI:MNQ1!",
    "timeframe": "1m",
    "vendor": "databento",
}
REVISIONS_EXAMPLE = {
    "symbol": "CME_MINI:MNQ1!",
    "order": "asc",
    "revisions": [
        {
            "ts": "2024-01-02T14:30:00+00:00",
            "operation": "update",
            "open": "16800.25",
            "high": "16801",
            "low": "16799.75",
            "close": "16800.5",
            "volume": 120,
            "brought_by": 1,
            "replaced_by": 2,
            "replaced_at": "2024-02-01T10:00:05.123456+00:00",
        }
    ],
    "next_cursor": None,
    "next": None,
}
COVERAGE_EXAMPLE = {
    "symbol": "CME_MINI:MNQ1!",
    "calendar": "CME Globex Equity",
    "days_are": "trading days of CME Globex Equity",
    "start": "2024-01-02T00:00:00+00:00",
    "end": "2024-01-02T22:00:00+00:00",
    "days": [
        {
            "day": "2024-01-02",
            "start": "2023-12-29T23:00:00+00:00",
            "end": "2024-01-02T23:00:00+00:00",
            "ts": "2024-01-01T23:00:00+00:00",
            "bars": 1290,
            "open_bars": 1290,
            "expected": 1380,
            "expected_by_now": 1380,
            "forming": False,
            "first": "2024-01-02T00:00:00+00:00",
            "last": "2024-01-02T21:59:00+00:00",
            "gaps": 1,
        }
    ],
    "usual_bars": None,
    "gap_count": 1,
    "open_gap_count": 1,
    "closed_gap_count": 0,
    "gaps": [
        {
            "after": "2024-01-02T09:19:00+00:00",
            "before": "2024-01-02T09:50:00+00:00",
            "minutes": 30,
            "open_minutes": 30,
        }
    ],
}


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
        runs = last_runs(series)
        lines = zip(series, stats_of(series), strict=True)
        return Response([series_as_json(one, stats, runs.get(one.symbol)) for one, stats in lines])

    @extend_schema(
        summary="What the table holds of a series",
        responses=OpenApiTypes.OBJECT,
        examples=[OpenApiExample("With bars", STATS_EXAMPLE)],
    )
    def stats(self, request: Request, slug: str) -> Response:
        """How much of the series the table holds now, from when to when, and its latest close."""
        series = series_of(slug)
        NoParameters.of(request)
        return Response(stats_as_json(series, series_stats(series)))

    @extend_schema(summary="Minute bars", parameters=[BarsParameters], responses=OpenApiTypes.OBJECT)
    def bars(self, request: Request, slug: str) -> Response | StreamingHttpResponse:
        """Bars of [start, end) in pages, or the whole range as CSV or Parquet. Prices are exact decimals as text.

        With `as_of`, the bars as they were known then: without what later runs brought, with the values that later runs
        changed, and with the bars that later runs removed.
        """
        series = series_of(slug)
        wanted = BarsParameters.of(request)
        as_of = wanted["as_of"]
        if wanted["format"] != "json":
            return export_response(series, wanted["format"], wanted["start"], wanted["end"], as_of=as_of)
        page = page_of_bars if as_of is None else partial(page_of_bars_as_of, as_of=as_of)
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
                "as_of": iso(as_of),
                "bars": [bar_as_json(bar) for bar in bars],
            }
            | next_page(request, iso(next_cursor))
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
        series = series_of(slug)
        wanted = RevisionsParameters.of(request)
        revisions, after = page_of_revisions(
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
        series = series_of(slug)
        wanted = RangeParameters.of(request)
        check_calendar(series)
        return Response(coverage_as_json(series, series_coverage(series, start=wanted["start"], end=wanted["end"])))


class IngestRunViewSet(ViewSet):
    """The audit trail: every attempt to load a file."""

    @extend_schema(summary="Ingest runs", parameters=[RunsParameters], responses=IngestRunSerializer(many=True))
    def list(self, request: Request) -> Response:
        """The runs, newest first unless ordered otherwise."""
        wanted = RunsParameters.of(request)
        close_dead_runs()
        runs = IngestRun.objects.order_by(wanted["ordering"], "-id").prefetch_related("undone_by")
        for name in ("status", "dataset", "file_sha256"):
            if name in wanted:
                runs = runs.filter(**{name: wanted[name]})
        if "series" in wanted:
            runs = runs.filter(symbols__contains=[series_of(wanted["series"]).symbol])
        page = runs[wanted["offset"] : wanted["offset"] + wanted["limit"]]
        return Response({"count": runs.count(), "results": IngestRunSerializer(page, many=True).data})

    @extend_schema(summary="One ingest run", responses=IngestRunSerializer)
    def retrieve(self, request: Request, pk: int) -> Response:
        """Every field of one run."""
        NoParameters.of(request)
        close_dead_runs()
        run = IngestRun.objects.filter(pk=pk).first()
        if run is None:
            raise NotFound(f"There is no ingest run {pk}.")
        return Response(IngestRunSerializer(run).data)


def series_of(slug: str) -> Series:
    series = Series.objects.filter(slug=slug).first()
    if series is None:
        known = known_slugs()
        more = f" and {len(known) - 20:,} more" if len(known) > 20 else ""
        raise NotFound(f"There is no series '{slug}'. Known: {', '.join(known[:20])}{more}.")
    return series
