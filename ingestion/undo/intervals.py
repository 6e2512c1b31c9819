"""The instrument intervals of a series after an undo: replaced ones are restored, unused ones are removed."""

from __future__ import annotations

from datetime import date

from django.db.backends.utils import CursorWrapper
from django.db.models import Q, QuerySet

from ingestion.symbology.intervals import copy_interval
from ingestion.undo.days import (
    SeriesDay,
    UndoDays,
    convert_to_arrays,
    find_replaced_intervals,
    join_days,
    to_date_range,
)
from marketdata.models import IngestRun, SeriesInstrument

# Dates with bars, and dates of withdrawn bars: an undo of the run that removed them restores them, of this instrument.
_SELECT_DAYS_WITH_BARS = """
SELECT ranges.symbol, day::date
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[]) AS ranges (symbol, start_date, end_date)
CROSS JOIN LATERAL generate_series(ranges.start_date::timestamp, ranges.end_date - interval '1 day', '1 day') AS day
WHERE EXISTS (
    SELECT 1 FROM market_bars_ohlcv_1m AS bars
    WHERE bars.symbol = ranges.symbol COLLATE "C"
        AND bars.ts >= day AT TIME ZONE 'UTC' AND bars.ts < (day + interval '1 day') AT TIME ZONE 'UTC'
) OR EXISTS (
    SELECT 1 FROM market_archived_years AS archived
    JOIN market_bars_ohlcv_1h AS hours ON hours.symbol = ranges.symbol COLLATE "C"
    WHERE archived.year = date_part('year', day)
        AND hours.hour >= day AT TIME ZONE 'UTC' AND hours.hour < (day + interval '1 day') AT TIME ZONE 'UTC'
) OR EXISTS (
    SELECT 1 FROM market_bar_revisions AS old
    JOIN data_ingest_runs AS remover ON remover.id = old.revised_by_id
    WHERE old.symbol = ranges.symbol COLLATE "C" AND old.operation = 'delete'
        AND old.ts >= day AT TIME ZONE 'UTC' AND old.ts < (day + interval '1 day') AT TIME ZONE 'UTC'
        AND remover.remove_withdrawn AND remover.id <> %(run_id)s
        AND NOT EXISTS (
            SELECT 1 FROM data_ingest_runs AS undo
            WHERE undo.undoes_id = remover.id AND undo.status = 'success'
        )
)
"""


def restore_intervals(cursor: CursorWrapper, undone: IngestRun, days: UndoDays) -> int:
    """Restore the intervals that the run replaced, and remove its own from dates without bars.

    Call it after the undo has written its bars. Returns the number of intervals that changed.
    """
    restored = {day for dates in days.restored for day in dates.list_days()}
    removable = list(_find_removable_intervals(undone))
    kept = _find_days_with_bars(cursor, removable, undone) - restored
    changed = sum(_keep_days(interval, kept) for interval in removable)
    changed += sum(_restore_days(interval, restored) for interval in find_replaced_intervals(undone))
    return changed


def remove_mapped_dates(undone: IngestRun) -> None:
    """Remove the dates that the run's file mapped. Call it when nothing of the run is left."""
    SeriesInstrument.objects.filter(run=undone, from_mapping=True).delete()


def _find_removable_intervals(undone: IngestRun) -> QuerySet[SeriesInstrument]:
    """The run's own intervals, and those of runs undone earlier, whose undo kept them because this run had bars on
    their dates."""
    first, last = undone.time_range
    undone_earlier = Q(
        series__symbol__in=undone.symbols,
        start_date__lte=last.date(),
        end_date__gt=first.date(),
        run__in=IngestRun.objects.filter(undone_by__status=IngestRun.Status.SUCCESS),
    )
    return SeriesInstrument.current.filter(Q(run=undone) | undone_earlier).select_related("series")


def _find_days_with_bars(cursor: CursorWrapper, intervals: list[SeriesInstrument], undone: IngestRun) -> set[SeriesDay]:
    ranges = convert_to_arrays([to_date_range(interval) for interval in intervals])
    cursor.execute(_SELECT_DAYS_WITH_BARS, ranges | {"run_id": undone.pk})
    return set(cursor.fetchall())


def _keep_days(interval: SeriesInstrument, kept: set[SeriesDay]) -> bool:
    """Remove the interval from all dates that are not in `kept`. Returns whether it changed."""
    days = to_date_range(interval).list_days()
    if kept.issuperset(days):
        return False
    interval.delete()
    SeriesInstrument.objects.bulk_create(
        copy_interval(interval, start, end) for start, end in _join_dates(interval, kept)
    )
    return True


def _restore_days(interval: SeriesInstrument, restored: set[SeriesDay]) -> bool:
    """Make the replaced interval current again on those of its dates that are in `restored`. Returns whether it
    changed."""
    days = set(to_date_range(interval).list_days())
    if days.isdisjoint(restored):
        return False
    _keep_days(interval, days - restored)
    interval.replaced_by_id = None
    for start, end in _join_dates(interval, restored):
        _save_joined(copy_interval(interval, start, end))
    return True


def _join_dates(interval: SeriesInstrument, days: set[SeriesDay]) -> list[tuple[date, date]]:
    """Those dates of the interval that are in `days`, as ranges: start, and the day after the last."""
    shared = [day for day in to_date_range(interval).list_days() if day in days]
    return [(dates.start, dates.end) for dates in join_days((day, None) for day in shared)]


def _save_joined(interval: SeriesInstrument) -> None:
    """Save the interval, joined with the adjacent ones from which the undone run had separated it."""
    same = SeriesInstrument.current.filter(
        series_id=interval.series_id,
        dataset=interval.dataset,
        publisher_id=interval.publisher_id,
        instrument_id=interval.instrument_id,
        run_id=interval.run_id,
    )
    for before in same.filter(end_date=interval.start_date):
        interval.start_date = before.start_date
        before.delete()
    for after in same.filter(start_date=interval.end_date):
        interval.end_date = after.end_date
        after.delete()
    interval.save()
