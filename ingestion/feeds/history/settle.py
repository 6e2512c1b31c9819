"""Records that a request is stored, and which days history covers now: one transaction for both."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from django.db import connection, transaction

from ingestion.dbn.batches import align_to_minutes
from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.feeds.folders import kept_file
from marketdata.models import FeedRequest, IngestRun, Series, SeriesDay, SeriesInstrument, VendorDay
from marketdata.rollup.minute_masks import read_minute_masks
from marketdata.runs.commits import notify_commit, read_database_time

_DAY = timedelta(days=1)
_NS_PER_DAY = 86_400 * 10**9

# The live bars that a run changed or removed, by series and UTC day. The index on the revisions' runs serves it.
_CHANGED_LIVE = """
SELECT revisions.symbol, (revisions.ts AT TIME ZONE 'UTC')::date AS day, count(*)
FROM market_bar_revisions AS revisions
JOIN data_ingest_runs AS live ON live.id = revisions.ingestion_run_id AND live.kind = 'live'
WHERE revisions.revised_by_id = %s
GROUP BY revisions.symbol, day
"""

# How many bars the file has, by instrument and UTC day since 1970.
BarCounts = Mapping[tuple[int, int], int]


@dataclass(frozen=True)
class DeliveredDay:
    """What a request delivered of one UTC day of a series: `bars` of [start, end)."""

    series: Series
    start: datetime
    end: datetime
    bars: int

    @property
    def day(self) -> date:
        """The UTC day."""
        return self.start.date()


def settle_request(request: FeedRequest, run: IngestRun) -> None:
    """The run has stored the file of an `arrived` request: the request is `stored`, and its days are covered."""
    counts, metadata = count_bars(request)
    delivered = [*_list_own_days(request, counts), *_list_contract_days(request, run, counts, metadata)]
    with transaction.atomic(durable=True):
        now = read_database_time()
        _store_days(request, run, delivered, now)
        FeedRequest.objects.filter(pk=request.pk, state=FeedRequest.State.ARRIVED).update(
            state=FeedRequest.State.STORED, run=run, finished_at=now
        )
        with connection.cursor() as cursor:
            notify_commit(cursor, run.pk)  # streams then look for days that are confirmed
    request.refresh_from_db()


def settle_reload(request: FeedRequest, run: IngestRun) -> None:
    """The run has stored the file of a `stored` request again. What history delivered is known already."""
    with transaction.atomic(durable=True):
        SeriesDay.objects.filter(request=request).update(run=run)
        FeedRequest.objects.filter(pk=request.pk).update(run=run)


def settle_empty(series: Series, start: datetime, end: datetime, modified: date | None) -> None:
    """Days that history covered have no records any more: the vendor counts none in [start, end)."""
    days = SeriesDay.objects.filter(series=series, day__gte=start.date(), day__lte=(end - timedelta(minutes=1)).date())
    days.update(records=0, modified=modified, confirmed_at=read_database_time())


def list_changed_days(request: FeedRequest, run: IngestRun) -> tuple[SeriesDay, ...]:
    """The days of the request of which live bars differed from history, as they are recorded."""
    days = SeriesDay.objects.filter(request=request, run=run, changed__gt=0).select_related("series")
    return tuple(days.order_by("series__slug", "day"))


def count_bars(request: FeedRequest) -> tuple[BarCounts, DbnMetadata]:
    """The bars of the request's file. Rows that repeat a minute of an instrument count once. The memory does not grow
    with the file."""
    path = kept_file(request)
    counts: dict[tuple[int, int], int] = defaultdict(int)
    with SourceFile(path) as source:
        reader = RecordReader(source)
        for batch in align_to_minutes(reader.read_batches(), path):
            rows = np.stack(
                [batch.records["instrument_id"].astype(np.int64), batch.records["ts_event"].astype(np.int64)]
            )
            instruments, times = np.unique(rows, axis=1)
            keys, found = np.unique(np.stack([instruments, times // _NS_PER_DAY]), axis=1, return_counts=True)
            for (instrument, day), count in zip(keys.T.tolist(), found.tolist(), strict=True):
                counts[instrument, day] += count
    return counts, reader.metadata


def _list_own_days(request: FeedRequest, counts: BarCounts) -> Iterator[DeliveredDay]:
    """Each day of the request, with all bars of the file."""
    totals: dict[int, int] = defaultdict(int)
    for (_, day), count in counts.items():
        totals[day] += count
    for start, end in _split_days(request):
        yield DeliveredDay(request.series, start, end, totals.get(_to_number(start.date()), 0))


def _list_contract_days(
    request: FeedRequest, run: IngestRun, counts: BarCounts, metadata: DbnMetadata
) -> Iterator[DeliveredDay]:
    """Each day on which the file maps a contract that is a series of its own."""
    if request.stype_in == Series.Stype.CONTINUOUS:
        return
    ranges = list(_split_days(request))
    totals: dict[tuple[int, date], int] = {}
    by_key: dict[int, Series] = {}
    for one in _list_instruments(request, run):
        by_key[one.series_id] = one.series
        mapped = [m for m in metadata.mappings if m.instrument_id == one.instrument_id]
        for start, _ in ranges:
            day = start.date()
            bars = counts.get((one.instrument_id, _to_number(day)), 0) if one.start_date <= day < one.end_date else 0
            if bars or any(m.start <= day < m.end for m in mapped):
                totals[one.series_id, day] = totals.get((one.series_id, day), 0) + bars
    edges = {start.date(): (start, end) for start, end in ranges}
    for (key, day), bars in totals.items():
        yield DeliveredDay(by_key[key], *edges[day], bars)


def _list_instruments(request: FeedRequest, run: IngestRun) -> list[SeriesInstrument]:
    """The instruments of the run's other series on the dates of the request."""
    rows = SeriesInstrument.current.filter(
        dataset=request.dataset,
        series__symbol__in=run.symbols,
        start_date__lte=request.end.date(),
        end_date__gt=request.start.date(),
    )
    return list(rows.exclude(series=request.series_id).select_related("series"))


def _store_days(request: FeedRequest, run: IngestRun, delivered: list[DeliveredDay], now: datetime) -> None:
    stored = {
        (row.series_id, row.day): row
        for row in SeriesDay.objects.select_for_update().filter(
            series__in={one.series.pk for one in delivered},
            day__gte=request.start.date(),
            day__lte=request.end.date(),
        )
    }
    vendor = {
        row.day: row
        for row in VendorDay.objects.filter(
            dataset=request.dataset, day__gte=request.start.date(), day__lte=request.end.date()
        )
    }
    changed = _count_changed_live(run)
    rows = []
    for one in delivered:
        row = _merge(stored.get((one.series.pk, one.day)), one, vendor.get(one.day))
        row.changed += changed.get((one.series.symbol, one.day), 0)
        row.request, row.run, row.confirmed_at = request, run, now
        rows.append(row)
    fields = ("covered_from", "covered_until", "records", "changed", "condition", "modified", "confirmed_at")
    SeriesDay.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["series", "day"], update_fields=["request", "run", *fields]
    )


def _merge(stored: SeriesDay | None, one: DeliveredDay, vendor: VendorDay | None) -> SeriesDay:
    """The day's row after the delivery. What was delivered before stays, with its date of modification, unless this
    delivery replaces all of it."""
    midnight = datetime.combine(one.day, time(), UTC)
    condition, modified = (vendor.condition, vendor.last_modified_date) if vendor else ("", None)
    start, end, bars = one.start, one.end, one.bars
    if stored is not None:
        since, until = stored.covered_from or midnight, stored.covered_until
        if not (start <= since and end >= until):
            is_beside = start >= until or end <= since
            start, end = min(start, since), max(end, until)
            bars = stored.records + bars if is_beside else _count_stored(one.series, start, end)
            modified = stored.modified or modified
            condition = stored.condition if stored.condition == VendorDay.Condition.DEGRADED else condition
    return SeriesDay(
        series=one.series,
        day=one.day,
        covered_from=None if start == midnight else start,
        covered_until=end,
        records=bars,
        changed=stored.changed if stored else 0,
        condition=condition,
        modified=modified,
    )


def _count_changed_live(run: IngestRun) -> dict[tuple[str, date], int]:
    """How many live bars of each series and day differed from what the run delivered."""
    with connection.cursor() as cursor:
        cursor.execute(_CHANGED_LIVE, [run.pk])
        return {(symbol, day): count for symbol, day, count in cursor.fetchall()}


def _count_stored(series: Series, start: datetime, end: datetime) -> int:
    """The run is committed, so that the table has what it delivered."""
    return int(np.bitwise_count(read_minute_masks(series.symbol, start, end).minutes).sum())


def _split_days(request: FeedRequest) -> Iterator[tuple[datetime, datetime]]:
    """The parts of the request's range, one for each UTC day."""
    start = request.start
    while start < request.end:
        stop = min(datetime.combine(start.date(), time(), UTC) + _DAY, request.end)
        yield start, stop
        start = stop


def _to_number(day: date) -> int:
    return (day - date(1970, 1, 1)).days
