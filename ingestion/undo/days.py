"""Which dates an undo skips, and on which dates it restores the instrument that the undone run replaced.

A later run may have mapped the series to another instrument on dates of the undone run. It may also have written bars
on dates where the undone run had replaced an instrument. To undo those dates would put bars of one contract between
bars of another. So the undo skips them: their bars and intervals do not change.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from django.db.backends.utils import CursorWrapper
from django.db.models import QuerySet

from ingestion.symbology.intervals import ONE_DAY
from marketdata.models import IngestRun, SeriesInstrument

# A run that finished later also wrote later, since it waited for the locks of the series.
_SELECT_LATER_WRITES = """
SELECT DISTINCT ON (1, 2) ranges.symbol, (bars.ts AT TIME ZONE 'UTC')::date, bars.ingestion_run_id
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[]) AS ranges (symbol, start_date, end_date)
JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = ranges.symbol COLLATE "C"
    AND bars.ts >= ranges.start_date::timestamp AT TIME ZONE 'UTC'
    AND bars.ts < ranges.end_date::timestamp AT TIME ZONE 'UTC'
JOIN data_ingest_runs AS runs ON runs.id = bars.ingestion_run_id
WHERE runs.finished_at > %(finished_at)s
ORDER BY 1, 2, 3 DESC
"""

SeriesDay = tuple[str, date]  # the symbol of a series, and a UTC date


@dataclass(frozen=True)
class DateRange:
    """UTC dates of a series, from `start` to the day before `end`, and the later run because of which they are skipped
    (None if they are not)."""

    symbol: str
    start: date
    end: date
    later_run_id: int | None = None

    def list_days(self) -> list[SeriesDay]:
        """Each date of the range, with the symbol."""
        return [(self.symbol, self.start + timedelta(days=number)) for number in range((self.end - self.start).days)]


@dataclass(frozen=True)
class UndoDays:
    """The dates that an undo treats in a way of their own; on all others it undoes bars only.

    `skipped`: no bar and no interval changes. `restored`: the undo restores the instrument that the run replaced.
    `not_restored`: the run replaced an instrument there too, but the dates are skipped.
    """

    skipped: list[DateRange]
    restored: list[DateRange]
    not_restored: list[DateRange]


def classify_days(cursor: CursorWrapper, undone: IngestRun) -> UndoDays:
    """Find the dates that the undo skips, and those on which it restores an instrument.

    Call it under the series' locks and before the undo writes: its own changes would count as a later run's.
    """
    replaced = [to_date_range(interval) for interval in find_replaced_intervals(undone)]
    later_runs = _find_later_writes(cursor, undone, replaced) | _find_later_replacements(undone)
    replaced_days = [day for dates in replaced for day in dates.list_days()]
    ranges = join_days((day, later_runs.get(day)) for day in replaced_days)
    return UndoDays(
        skipped=join_days(sorted(later_runs.items())),
        restored=[dates for dates in ranges if dates.later_run_id is None],
        not_restored=[dates for dates in ranges if dates.later_run_id is not None],
    )


def find_replaced_intervals(undone: IngestRun) -> QuerySet[SeriesInstrument]:
    """The intervals that the run replaced, by symbol and date."""
    intervals = SeriesInstrument.objects.filter(replaced_by=undone).select_related("series")
    return intervals.order_by("series__symbol", "start_date")


def find_whole_days(undone: IngestRun) -> tuple[datetime, datetime]:
    """The UTC midnights, half-open, around all bars that the run wrote or removed: it replaces instruments by the
    day."""
    first, last = (moment.astimezone(UTC).date() for moment in undone.time_range)
    return datetime.combine(first, time.min, UTC), datetime.combine(last + ONE_DAY, time.min, UTC)


def to_date_range(interval: SeriesInstrument) -> DateRange:
    """The dates of an interval."""
    return DateRange(interval.series.symbol, interval.start_date, interval.end_date)


def join_days(days: Iterable[tuple[SeriesDay, int | None]]) -> list[DateRange]:
    """Join consecutive dates with the same symbol and later run. The dates of a symbol must be in ascending order."""
    joined: dict[tuple[str, int | None], list[DateRange]] = defaultdict(list)
    for (symbol, day), later_run_id in days:
        ranges = joined[symbol, later_run_id]
        start = ranges.pop().start if ranges and ranges[-1].end == day else day
        ranges.append(DateRange(symbol, start, day + ONE_DAY, later_run_id))
    return [dates for ranges in joined.values() for dates in ranges]


def convert_to_arrays(ranges: list[DateRange]) -> dict[str, list]:
    """The ranges as parallel arrays, which are the parameters of SQL's unnest."""
    return {
        "symbols": [dates.symbol for dates in ranges],
        "starts": [dates.start for dates in ranges],
        "ends": [dates.end for dates in ranges],
        "later_run_ids": [dates.later_run_id for dates in ranges],
    }


def _find_later_writes(cursor: CursorWrapper, undone: IngestRun, ranges: list[DateRange]) -> dict[SeriesDay, int]:
    cursor.execute(_SELECT_LATER_WRITES, convert_to_arrays(ranges) | {"finished_at": undone.finished_at})
    return {(symbol, day): run_id for symbol, day, run_id in cursor.fetchall()}


def _find_later_replacements(undone: IngestRun) -> dict[SeriesDay, int]:
    first, last = undone.time_range
    intervals = SeriesInstrument.objects.filter(
        series__symbol__in=undone.symbols,
        replaced_by__finished_at__gt=undone.finished_at,
        start_date__lte=last.date(),
        end_date__gt=first.date(),
    )
    return {
        day: interval.replaced_by_id
        for interval in intervals.select_related("series")
        if interval.replaced_by_id is not None
        for day in to_date_range(interval).list_days()
    }
