"""How many bars a series has, from when to when, and its latest close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection

from marketdata.models import Series


@dataclass(frozen=True)
class SeriesStats:
    """The bars of one series now. Times are UTC starts of minutes; all but the count are None without bars."""

    row_count: int
    min_ts: datetime | None
    max_ts: datetime | None
    latest_close: Decimal | None


# The hourly rollup has the first and the last bar of an hour, and fewer rows than the table of bars. Its primary key
# finds the first and the last hour; counting or aggregating would read all of them.
_STATS = """
SELECT coalesce(counts.bar_count, 0), {values}
FROM unnest(%(symbols)s::varchar[]) WITH ORDINALITY AS series (symbol, ordinal)
LEFT JOIN market_series_counts AS counts ON counts.symbol = series.symbol COLLATE "C"
LEFT JOIN LATERAL (
    SELECT first_ts FROM market_bars_ohlcv_1h WHERE symbol = series.symbol COLLATE "C" ORDER BY hour LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
    SELECT last_ts, close FROM market_bars_ohlcv_1h WHERE symbol = series.symbol COLLATE "C" ORDER BY hour DESC LIMIT 1
) AS last ON true
ORDER BY ordinal
"""
_VALUES = _STATS.format(values="first.first_ts, last.last_ts, last.close")
_SECONDS = _STATS.format(values="extract(epoch FROM first.first_ts)::bigint, extract(epoch FROM last.last_ts)::bigint")


def get_stats(series: Series) -> SeriesStats:
    """The stats of one series."""
    return list_stats([series])[0]


def list_stats(series: Sequence[Series]) -> list[SeriesStats]:
    """The stats of each series, in the same order, by one query whose cost does not depend on the number of bars."""
    with connection.cursor() as cursor:
        cursor.execute(_VALUES, {"symbols": [one.symbol for one in series]})
        return [SeriesStats(*row) for row in cursor.fetchall()]


def list_spans(symbols: Sequence[str]) -> list[tuple[int, int | None, int | None]]:
    """The number of bars of each symbol, and the first and last minute in seconds since 1970, in the same order.

    For thousands of series, of which `list_stats` would create objects.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SECONDS, {"symbols": list(symbols)})
        spans: list[tuple[int, int | None, int | None]] = cursor.fetchall()
        return spans


_ENDS = """
SELECT
    (SELECT first_ts FROM market_bars_ohlcv_1h WHERE symbol = %(symbol)s ORDER BY hour LIMIT 1),
    (SELECT last_ts FROM market_bars_ohlcv_1h WHERE symbol = %(symbol)s ORDER BY hour DESC LIMIT 1)
"""


def get_first_and_last(series: Series) -> tuple[datetime, datetime] | None:
    """The times of the first and last bar, UTC, by the hourly rollup; None for a series without bars."""
    with connection.cursor() as cursor:
        cursor.execute(_ENDS, {"symbol": series.symbol})
        first, last = cursor.fetchone()
    return (first, last) if first else None


_VERSION = "SELECT xmin::text::bigint, bar_count FROM market_series_counts WHERE symbol = %s"


def get_minutes_version(series: Series) -> tuple[int, int]:
    """A value that changes whenever the series has bars of other minutes; for the key of a cache.

    It is the transaction that last wrote the series' count, and the count. The triggers of the bars write the count
    whenever bars are added, removed or moved, also where the number stays the same.
    """
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, [series.symbol])
        return cursor.fetchone() or (0, 0)
