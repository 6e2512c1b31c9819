"""Read queries that only the pages need. Each is bounded: no page gets slower as a series gets longer."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from django.db import connection

from marketdata.models import IngestRun, Series

STRIP_DAYS = 56


# Eight weeks are 1,344 rows of the ledger per series at most.
_HOURS = """
SELECT hours.symbol, (hours.hour AT TIME ZONE 'UTC')::date AS day, count(*)
FROM unnest(%(symbols)s, %(starts)s::timestamptz[], %(ends)s::timestamptz[]) AS wanted (symbol, first, last)
JOIN market_bars_ohlcv_1h AS hours
    ON hours.symbol = wanted.symbol COLLATE "C" AND hours.hour BETWEEN wanted.first AND wanted.last
GROUP BY hours.symbol, day
"""


def count_hours_with_bars(spans: Sequence[tuple[str, datetime, datetime]]) -> dict[str, dict[date, int]]:
    """For spans of (symbol, start, last bar), per symbol and UTC day: how many hours have bars. Days without: none."""
    if not spans:
        return {}
    symbols, starts, ends = (list(column) for column in zip(*spans, strict=True))
    hours: dict[str, dict[date, int]] = {}
    with connection.cursor() as cursor:
        cursor.execute(_HOURS, {"symbols": symbols, "starts": starts, "ends": ends})
        for symbol, day, count in cursor.fetchall():
            hours.setdefault(symbol, {})[day] = count
    return hours


def list_series_of_run(run: IngestRun) -> list[Series]:
    """The series that the run wrote to, the first fifty by name."""
    return list(Series.objects.filter(symbol__in=run.symbols)[:50])
