"""How many bars a series has, from when to when, and its latest close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection
from django.db.models import Max, Min

from marketdata.models import Bar, Series


@dataclass(frozen=True)
class SeriesStats:
    """What the table holds of one series now. Times are UTC starts of minutes; all but the count None when empty."""

    row_count: int
    min_ts: datetime | None
    max_ts: datetime | None
    latest_close: Decimal | None


# The ends come from the primary key, read forwards and backwards.
_STATS = """
SELECT coalesce(counts.bar_count, 0), first.ts, last.ts, last.close
FROM unnest(%(symbols)s::varchar[]) WITH ORDINALITY AS wanted (symbol, place)
LEFT JOIN market_series_counts AS counts ON counts.symbol = wanted.symbol COLLATE "C"
LEFT JOIN LATERAL (
    SELECT ts FROM market_bars_ohlcv_1m WHERE symbol = wanted.symbol COLLATE "C" ORDER BY ts LIMIT 1
) AS first ON true
LEFT JOIN LATERAL (
    SELECT ts, close FROM market_bars_ohlcv_1m WHERE symbol = wanted.symbol COLLATE "C" ORDER BY ts DESC LIMIT 1
) AS last ON true
ORDER BY place
"""


def get_stats(series: Series) -> SeriesStats:
    return list_stats([series])[0]


def list_stats(series: Sequence[Series]) -> list[SeriesStats]:
    """The stats of each, in the same order, by one query that costs the same however many bars there are."""
    with connection.cursor() as cursor:
        cursor.execute(_STATS, {"symbols": [one.symbol for one in series]})
        return [SeriesStats(*row) for row in cursor.fetchall()]


def get_first_and_last(series: Series) -> tuple[datetime, datetime] | None:
    """First and last bar's time, by the primary key alone."""
    ends = Bar.objects.filter(symbol=series.symbol).aggregate(first=Min("ts"), last=Max("ts"))
    return (ends["first"], ends["last"]) if ends["first"] else None


_VERSION = "SELECT xmin::text::bigint, bar_count FROM market_series_counts WHERE symbol = %s"


def get_minutes_version(series: Series) -> tuple[int, int]:
    """Another one whenever the series has bars of other minutes: which transaction wrote the count, and the count.

    Whoever adds, removes or moves bars writes the count, also where it stays the same (migration 0007).
    """
    with connection.cursor() as cursor:
        cursor.execute(_VERSION, [series.symbol])
        return cursor.fetchone() or (0, 0)
