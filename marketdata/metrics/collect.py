"""The figures of /metrics, read from the database at each request. Names and units follow Prometheus's conventions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric, SummaryMetricFamily
from prometheus_client.registry import Collector

from marketdata.bars.stats import list_spans
from marketdata.models import FeedStatus, QualityDelivery, QualityFinding, Series
from marketdata.runs.commits import read_database_time
from marketdata.runs.query import find_open_failures

INGEST_WINDOW = timedelta(days=1)

_INGESTS = """
SELECT kind, count(*), coalesce(sum(extract(epoch FROM finished_at - started_at)), 0)::float8
FROM data_ingest_runs
WHERE status = 'success' AND finished_at >= %s
GROUP BY kind
"""


def collect_metrics() -> bytes:
    """All figures in Prometheus's text format."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_DatabaseCollector())
    return generate_latest(registry)


class _DatabaseCollector(Collector):
    def describe(self) -> Iterable[Metric]:
        return []  # registering must not query the database

    def collect(self) -> Iterator[Metric]:
        now = read_database_time()
        yield from (_count_findings(), _measure_ages(now), _count_failures(), _measure_ingests(now))
        yield from _measure_feeds(now)
        yield _count_deliveries()


def _count_findings() -> Metric:
    metric = GaugeMetricFamily(
        "barkeep_findings", "Findings that are not resolved.", labels=["kind", "severity", "state"]
    )
    found = QualityFinding.objects.exclude(state=QualityFinding.State.RESOLVED)
    for kind, severity, state, count in found.values_list("kind", "severity", "state").annotate(Count("pk")):
        metric.add_metric([kind, severity, state], count)
    return metric


def _measure_ages(now: datetime) -> Metric:
    """A series without bars has no line."""
    metric = GaugeMetricFamily(
        "barkeep_last_bar_age_seconds", "Seconds since the start of the newest bar's minute.", labels=["series"]
    )
    rows = list(Series.objects.order_by("slug").values_list("slug", "symbol"))
    spans = list_spans([symbol for _, symbol in rows])
    for (slug, _), (_, _, last) in zip(rows, spans, strict=True):
        if last is not None:
            metric.add_metric([slug], now.timestamp() - last)
    return metric


def _count_failures() -> Metric:
    metric = GaugeMetricFamily("barkeep_failed_runs", "Failed runs that need attention.")
    metric.add_metric([], len(find_open_failures()))
    return metric


def _measure_ingests(now: datetime) -> Metric:
    metric = SummaryMetricFamily(
        "barkeep_ingest_seconds", "Duration of the successful runs of the last 24 hours.", labels=["kind"]
    )
    with connection.cursor() as cursor:
        cursor.execute(_INGESTS, [now - INGEST_WINDOW])
        for kind, count, seconds in cursor.fetchall():
            metric.add_metric([kind], count_value=count, sum_value=seconds)
    return metric


def _measure_feeds(now: datetime) -> Iterator[Metric]:
    live = GaugeMetricFamily("barkeep_feed_live", "1 if the live feed is live, else 0.", labels=["dataset"])
    lag = GaugeMetricFamily(
        "barkeep_feed_lag_seconds", "Seconds from the arrival of the last batch to its commit.", labels=["dataset"]
    )
    seen = GaugeMetricFamily(
        "barkeep_feed_seen_age_seconds", "Seconds since stream_live last recorded the feed.", labels=["dataset"]
    )
    spool = GaugeMetricFamily("barkeep_feed_spool_files", "Batches that are not stored yet.", labels=["dataset"])
    for status in FeedStatus.objects.order_by("dataset"):
        labels = [status.dataset]
        live.add_metric(labels, float(status.state == FeedStatus.State.LIVE))
        seen.add_metric(labels, (now - status.seen_at).total_seconds())
        spool.add_metric(labels, status.spool_files)
        if status.lag_ms is not None:
            lag.add_metric(labels, status.lag_ms / 1000)
    yield from (live, lag, seen, spool)


def _count_deliveries() -> Metric:
    metric = GaugeMetricFamily("barkeep_alert_deliveries", "Alerts by state of delivery.", labels=["channel", "state"])
    rows = QualityDelivery.objects.values_list("channel", "state").annotate(Count("pk")).order_by()
    for channel, state, count in rows:
        metric.add_metric([channel, state], count)
    return metric
