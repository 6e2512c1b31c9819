"""Read queries that only the pages need. Each reads a bounded number of rows: pages stay fast as a series grows."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection

STRIP_DAYS = 56


# At most 1,344 rows of the hourly rollup per series: eight weeks.
_HOURS = """
SELECT hours.symbol, (hours.hour AT TIME ZONE 'UTC')::date AS day, count(*)
FROM unnest(%(symbols)s, %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS requested (symbol, first, last)
JOIN market_bars_ohlcv_1h AS hours
    ON hours.symbol = requested.symbol COLLATE "C" AND hours.hour BETWEEN requested.first AND requested.last
GROUP BY hours.symbol, day
"""


def count_hours_with_bars(ranges: Sequence[tuple[str, datetime, datetime]]) -> dict[str, dict[date, int]]:
    """The number of hours with bars by symbol and UTC day, in ranges of (symbol, first hour, last bar).

    Days without bars are not in the result.
    """
    if not ranges:
        return {}
    symbols, starts, ends = (list(column) for column in zip(*ranges, strict=True))
    hours: dict[str, dict[date, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, {"symbols": symbols, "starts": starts, "ends": ends})
        for symbol, day, count in cursor.fetchall():
            hours.setdefault(symbol, {})[day] = count
    return hours
