"""On which UTC dates a series has bars, or earlier values of bars."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from django.db.backends.utils import CursorWrapper

# Each half reads the range of one symbol in a primary key.
_SELECT_DATES = """
SELECT day, sum(bars)::bigint, min(first), max(last)
FROM (
    SELECT (ts AT TIME ZONE 'UTC')::date AS day, count(*) AS bars, min(ts) AS first, max(ts) AS last
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s
    GROUP BY 1
    UNION ALL
    SELECT (ts AT TIME ZONE 'UTC')::date, 0, min(ts), max(ts)
    FROM market_bar_revisions
    WHERE symbol = %(symbol)s
    GROUP BY 1
) AS dates
GROUP BY day
ORDER BY day
"""
_SELECT_RUN_BETWEEN = """
SELECT run_id
FROM (
    (
        SELECT ts, ingestion_run_id AS run_id
        FROM market_bars_ohlcv_1m
        WHERE symbol = %(symbol)s AND ts >= %(start)s::date::timestamp AT TIME ZONE 'UTC'
            AND ts < %(end)s::date::timestamp AT TIME ZONE 'UTC'
        ORDER BY ts
        LIMIT 1
    )
    UNION ALL
    (
        SELECT ts, ingestion_run_id
        FROM market_bar_revisions
        WHERE symbol = %(symbol)s AND ts >= %(start)s::date::timestamp AT TIME ZONE 'UTC'
            AND ts < %(end)s::date::timestamp AT TIME ZONE 'UTC'
        ORDER BY ts
        LIMIT 1
    )
) AS found
ORDER BY ts
LIMIT 1
"""


@dataclass(frozen=True)
class DateContent:
    """What a series has of a date: how many bars now, and the first and last minute of a bar or of an earlier value."""

    bars: int
    first: datetime
    last: datetime


def find_dates(cursor: CursorWrapper, symbol: str) -> dict[date, DateContent]:
    """The UTC dates on which the symbol has bars, or once had some, in order."""
    cursor.execute(_SELECT_DATES, {"symbol": symbol})
    return {day: DateContent(bars, first, last) for day, bars, first, last in cursor.fetchall()}


def find_run_between(cursor: CursorWrapper, symbol: str, start: date, end: date) -> int | None:
    """The run of the symbol's first bar or earlier value from `start` to the day before `end`; None if it has none."""
    cursor.execute(_SELECT_RUN_BETWEEN, {"symbol": symbol, "start": start, "end": end})
    row = cursor.fetchone()
    return row[0] if row else None
