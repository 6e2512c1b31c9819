"""Which series have bars in archived years, by the hourly rollup: it goes on counting them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import NamedTuple

from django.db import connection

from marketdata.models import ArchivedYear, BarRevision, IngestRun
from marketdata.partitions.archived import find_archived
from marketdata.partitions.years import year_bounds

_MINUTE = timedelta(minutes=1)

# The primary key of the rollup serves the inner query.
_FIND = """
SELECT ranges.symbol, archived.year
FROM unnest(%(symbols)s::varchar[], %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS ranges (symbol, start, stop)
JOIN market_archived_years AS archived
    ON ranges.start < make_timestamptz(archived.year + 1, 1, 1, 0, 0, 0, 'UTC')
    AND ranges.stop > make_timestamptz(archived.year, 1, 1, 0, 0, 0, 'UTC')
WHERE EXISTS (
    SELECT 1 FROM market_bars_ohlcv_1h AS hours
    WHERE hours.symbol = ranges.symbol COLLATE "C"
        AND hours.hour >= make_timestamptz(archived.year, 1, 1, 0, 0, 0, 'UTC')
        AND hours.hour < make_timestamptz(archived.year + 1, 1, 1, 0, 0, 0, 'UTC')
        AND hours.hour > ranges.start - interval '1 hour' AND hours.hour < ranges.stop
        AND hours.last_ts >= ranges.start AND hours.first_ts < ranges.stop
)
ORDER BY archived.year, ranges.symbol COLLATE "C"
LIMIT 1
"""
_FIRST_HOUR = """
SELECT min(hours.first_ts)
FROM market_archived_years AS archived
CROSS JOIN LATERAL (
    SELECT first_ts FROM market_bars_ohlcv_1h
    WHERE symbol = %(symbol)s
        AND hour >= greatest(%(start)s, make_timestamptz(archived.year, 1, 1, 0, 0, 0, 'UTC'))
        AND hour < least(%(end)s, make_timestamptz(archived.year + 1, 1, 1, 0, 0, 0, 'UTC'))
    ORDER BY hour LIMIT 1
) AS hours
"""


class SeriesRange(NamedTuple):
    """A series and a range of time, half-open: UTC times or dates. None: without a bound."""

    symbol: str
    start: datetime | date | None = None
    end: datetime | date | None = None


class ArchivedBars(NamedTuple):
    """A series that has bars in a range, and their archived year."""

    symbol: str
    year: int


def find_archived_bars(ranges: Iterable[SeriesRange]) -> ArchivedBars | None:
    """The first archived year in which one of the series has bars within its range; None if there is none."""
    requested = list(ranges)
    if not requested or not ArchivedYear.objects.exists():
        return None
    parameters = {
        "symbols": [one.symbol for one in requested],
        "starts": [_to_bound(one.start, "-infinity") for one in requested],
        "ends": [_to_bound(one.end, "infinity") for one in requested],
    }
    with connection.cursor() as cursor:
        cursor.execute(_FIND, parameters)
        row = cursor.fetchone()
    return None if row is None else ArchivedBars(*row)


def find_first_archived(symbol: str, start: datetime, end: datetime) -> datetime | None:
    """The time of the first bar of archived years from the full hour `start` to the full hour `end`, UTC."""
    if not ArchivedYear.objects.exists():
        return None
    with connection.cursor() as cursor:
        cursor.execute(_FIRST_HOUR, {"symbol": symbol, "start": start, "end": end})
        first: datetime | None = cursor.fetchone()[0]
    return first


def find_year_of_run(run: IngestRun) -> int | None:
    """An archived year of which the run may have bars, or of which it changed or removed some; None if there is none.

    The bars of an archived year are not in the table, so the run's series and times decide.
    """
    if run.min_ts is None or run.max_ts is None:
        return None
    stop = run.max_ts + _MINUTE
    for archived in find_archived(run.min_ts, stop):
        start, end = year_bounds(archived.year)
        if find_archived_bars(SeriesRange(symbol, max(start, run.min_ts), min(end, stop)) for symbol in run.symbols):
            return archived.year
        changed = BarRevision.objects.filter(revised_by=run, symbol__in=run.symbols, ts__gte=start, ts__lt=end)
        if changed.exists():
            return archived.year
    return None


def _to_bound(moment: datetime | date | None, otherwise: str) -> str:
    if moment is None:
        return otherwise
    return moment.isoformat() if isinstance(moment, datetime) else f"{moment.isoformat()} 00:00+00"
