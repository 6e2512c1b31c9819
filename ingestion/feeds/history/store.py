"""Loads the file of a request that arrived, and records what history covers now."""

from __future__ import annotations

from fnmatch import fnmatchcase

from ingestion.feeds.folders import kept_file
from ingestion.feeds.history.settle import settle_reload, settle_request
from ingestion.options import IngestOptions
from ingestion.pipeline import ingest_file
from ingestion.progress import Progress
from ingestion.runs import RunRequest
from marketdata.models import Backfill, FeedRequest, IngestRun, Series, SeriesInstrument


def store_request(request: FeedRequest, progress: Progress, backfill: Backfill | None = None) -> IngestRun:
    """Load the file of an `arrived` request, unless a run has done so, and settle it. Returns the run.

    Raises an `IngestError` if the file cannot be loaded: it stays `arrived`, and the next backfill tries it again.
    """
    run = find_run(request) or load_file(request, progress, backfill)
    progress.step("settle")
    settle_request(request, run)
    return run


def reload_request(request: FeedRequest, progress: Progress, backfill: Backfill | None = None) -> IngestRun:
    """Load the kept file of a `stored` request again, since some of its bars are no longer stored. Returns the run."""
    run = load_file(request, progress, backfill)
    settle_reload(request, run)
    return run


def load_file(request: FeedRequest, progress: Progress, backfill: Backfill | None) -> IngestRun:
    """Load the file of the request in a run of its own."""
    is_one_series = request.stype_in == Series.Stype.CONTINUOUS or _is_claimed(request)
    loaded = ingest_file(
        path=kept_file(request),
        # The contracts of a raw or parent symbol are series of their own, by the symbols of the file.
        options=_choose_options(request) if is_one_series else IngestOptions(),
        progress=progress,
        request=RunRequest(
            kind=IngestRun.Kind.HISTORY,
            feed_request_id=request.pk,
            job_id=backfill.job_id if backfill else None,
            requested_by=backfill.requested_by if backfill else "",
        ),
    )
    return loaded.run


def _is_claimed(request: FeedRequest) -> bool:
    """Whether the file of a raw symbol would be loaded into another series, one that claims the symbol."""
    if request.stype_in != Series.Stype.RAW_SYMBOL:
        return False
    others = Series.objects.filter(dataset__in=["", request.dataset]).exclude(pk=request.series_id)
    patterns = others.values_list("vendor_symbols", flat=True)
    return any(fnmatchcase(request.vendor_symbol, pattern) for some in patterns for pattern in some)


def _choose_options(request: FeedRequest) -> IngestOptions:
    """History decides which contract a live day had: the feed may have missed a roll. Files of users stay refused."""
    replaces = request.reason == FeedRequest.Reason.CONFIRM and not _has_other_bars(request)
    return IngestOptions(symbol=request.series.symbol, replace_instrument=replaces)


def _has_other_bars(request: FeedRequest) -> bool:
    """Whether another run than one of the live feed mapped the series on dates of the request."""
    mapped = SeriesInstrument.current.filter(
        series=request.series, start_date__lte=request.end.date(), end_date__gt=request.start.date()
    )
    return mapped.exclude(run__kind=IngestRun.Kind.LIVE).exists()


def find_run(request: FeedRequest) -> IngestRun | None:
    """The run that stored the file before the process died, unless it was undone."""
    runs = IngestRun.objects.filter(feed_request=request, status=IngestRun.Status.SUCCESS)
    undone = IngestRun.objects.filter(undoes__isnull=False, status=IngestRun.Status.SUCCESS).values("undoes")
    return runs.exclude(pk__in=undone).order_by("-pk").first()
