"""Which instrument stands behind which days once a run is taken back, and which days the undo must not touch.

A later run may have put another instrument behind days of the undone run, or have written more bars to days where the
undone run had replaced one. Changing those days would bring one contract's bars between another's, so they are held:
everything on them stays as it is.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

from django.db.backends.utils import CursorWrapper
from django.db.models import Q, QuerySet

from ingestion.instruments import ONE_DAY, part_of
from marketdata.models import IngestRun, SeriesInstrument

# Runs that finished later wrote later: they waited for the series' locks.
_WRITTEN_SINCE = """
SELECT DISTINCT ON (1, 2) days.symbol, (bars.ts AT TIME ZONE 'UTC')::date, bars.ingestion_run_id
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[]) AS days (symbol, first, behind_last)
JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = days.symbol COLLATE "C"
    AND bars.ts >= days.first::timestamp AT TIME ZONE 'UTC'
    AND bars.ts < days.behind_last::timestamp AT TIME ZONE 'UTC'
JOIN data_ingest_runs AS runs ON runs.id = bars.ingestion_run_id
WHERE runs.finished_at > %(finished_at)s
ORDER BY 1, 2, 3 DESC
"""
_DAYS_WITH_BARS = """
SELECT days.symbol, day::date
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[]) AS days (symbol, first, behind_last)
CROSS JOIN LATERAL generate_series(days.first::timestamp, days.behind_last - interval '1 day', '1 day') AS day
WHERE EXISTS (
    SELECT FROM market_bars_ohlcv_1m AS bars
    WHERE bars.symbol = days.symbol COLLATE "C"
        AND bars.ts >= day AT TIME ZONE 'UTC' AND bars.ts < (day + interval '1 day') AT TIME ZONE 'UTC'
)
"""


@dataclass(frozen=True)
class Stretch:
    """Days of a series from `start` to the day before `end`; if they are held, the run that holds them."""

    symbol: str
    start: date
    end: date
    held_by: int | None = None


@dataclass(frozen=True)
class Days:
    """`held` stays as it is. `returning` gets the instrument again that the run had replaced; `withheld` would, were it
    not held."""

    held: list[Stretch]
    returning: list[Stretch]
    withheld: list[Stretch]


def sort_days(cursor: CursorWrapper, undone: IngestRun) -> Days:
    """What becomes of which days. Asked before any bar is touched."""
    replaced = [_stretch(row) for row in _replaced_by(undone)]
    holders = {(symbol, day): run_id for symbol, day, run_id in _written_since(cursor, undone, replaced)}
    for row in _replaced_since(undone):
        for day in _days(row.start_date, row.end_date):
            holders[row.series.symbol, day] = row.replaced_by_id
    split = _joined(
        (stretch.symbol, day, holders.get((stretch.symbol, day)))
        for stretch in replaced
        for day in _days(stretch.start, stretch.end)
    )
    return Days(
        held=_joined((symbol, day, run_id) for (symbol, day), run_id in sorted(holders.items())),
        returning=[stretch for stretch in split if stretch.held_by is None],
        withheld=[stretch for stretch in split if stretch.held_by is not None],
    )


def give_days_back(cursor: CursorWrapper, undone: IngestRun, days: Days) -> int:
    """Let the instruments before stand again, and take the run's own from the days that have no bar left. Called when
    the bars are as they shall be. Returns how many rows it touched."""
    returning = {(stretch.symbol, day) for stretch in days.returning for day in _days(stretch.start, stretch.end)}
    own = list(_may_go(undone))
    left = _days_with_bars(cursor, own) - returning
    touched = 0
    for row in own:
        touched += _keep_only(row, {day for day in _row_days(row) if (row.series.symbol, day) in left})
    for row in _replaced_by(undone):
        touched += _restore(row, {day for day in _row_days(row) if (row.series.symbol, day) in returning})
    return touched


def _may_go(undone: IngestRun) -> QuerySet[SeriesInstrument]:
    """The rows that the run brought, and those of its days that runs brought which were undone before it: they stood on
    because this run had bars there."""
    of_its_days = Q(
        series__symbol__in=undone.symbols,
        start_date__lte=undone.max_ts.date(),
        end_date__gt=undone.min_ts.date(),
        run__in=IngestRun.objects.filter(undone_by__status=IngestRun.Status.SUCCESS),
    )
    return SeriesInstrument.current.filter(Q(run=undone) | of_its_days).select_related("series")


def _replaced_by(undone: IngestRun) -> QuerySet[SeriesInstrument]:
    rows = SeriesInstrument.objects.filter(replaced_by=undone).select_related("series")
    return rows.order_by("series__symbol", "start_date")


def _replaced_since(undone: IngestRun) -> QuerySet[SeriesInstrument]:
    return SeriesInstrument.objects.filter(
        series__symbol__in=undone.symbols,
        replaced_by__finished_at__gt=undone.finished_at,
        start_date__lte=undone.max_ts.date(),
        end_date__gt=undone.min_ts.date(),
    ).select_related("series")


def _written_since(cursor: CursorWrapper, undone: IngestRun, stretches: list[Stretch]) -> list[tuple]:
    cursor.execute(_WRITTEN_SINCE, _as_arrays(stretches) | {"finished_at": undone.finished_at})
    return cursor.fetchall()


def _days_with_bars(cursor: CursorWrapper, rows: list[SeriesInstrument]) -> set[tuple[str, date]]:
    cursor.execute(_DAYS_WITH_BARS, _as_arrays([_stretch(row) for row in rows]))
    return set(cursor.fetchall())


def _keep_only(row: SeriesInstrument, kept: set[date]) -> int:
    if len(kept) == (row.end_date - row.start_date).days:
        return 0
    row.delete()
    stretches = _joined((row.series.symbol, day, None) for day in sorted(kept))
    SeriesInstrument.objects.bulk_create(part_of(row, stretch.start, stretch.end) for stretch in stretches)
    return 1


def _restore(row: SeriesInstrument, returning: set[date]) -> int:
    if not returning:
        return 0
    _keep_only(row, set(_row_days(row)) - returning)
    row.replaced_by_id = None
    for stretch in _joined((row.series.symbol, day, None) for day in sorted(returning)):
        _join_neighbours(part_of(row, stretch.start, stretch.end))
    return 1


def _join_neighbours(row: SeriesInstrument) -> None:
    """Save the row as one with those that it was cut from."""
    same = SeriesInstrument.current.filter(
        series_id=row.series_id,
        dataset=row.dataset,
        publisher_id=row.publisher_id,
        instrument_id=row.instrument_id,
        run_id=row.run_id,
    )
    for neighbour in same.filter(end_date=row.start_date):
        row.start_date = neighbour.start_date
        neighbour.delete()
    for neighbour in same.filter(start_date=row.end_date):
        row.end_date = neighbour.end_date
        neighbour.delete()
    row.save()


def _as_arrays(stretches: list[Stretch]) -> dict[str, list]:
    return {
        "symbols": [stretch.symbol for stretch in stretches],
        "starts": [stretch.start for stretch in stretches],
        "ends": [stretch.end for stretch in stretches],
    }


def _stretch(row: SeriesInstrument) -> Stretch:
    return Stretch(row.series.symbol, row.start_date, row.end_date)


def _row_days(row: SeriesInstrument) -> Iterator[date]:
    return _days(row.start_date, row.end_date)


def _days(start: date, end: date) -> Iterator[date]:
    return (start + timedelta(days=number) for number in range((end - start).days))


def _joined(days: Iterable[tuple[str, date, int | None]]) -> list[Stretch]:
    """Single days, sorted, as stretches of neighbours that the same run holds."""
    joined: dict[tuple[str, int | None], list[Stretch]] = defaultdict(list)
    for symbol, day, held_by in days:
        stretches = joined[symbol, held_by]
        if stretches and stretches[-1].end == day:
            stretches[-1] = Stretch(symbol, stretches[-1].start, day + ONE_DAY, held_by)
        else:
            stretches.append(Stretch(symbol, day, day + ONE_DAY, held_by))
    return [stretch for stretches in joined.values() for stretch in stretches]
