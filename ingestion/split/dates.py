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
    GROUP BY day
    UNION ALL
    SELECT (ts AT TIME ZONE 'UTC')::date AS day, 0, min(ts), max(ts)
    FROM market_bar_revisions
    WHERE symbol = %(symbol)s
    GROUP BY day
) AS dates
GROUP BY day
ORDER BY day
"""
_SELECT_RUN_ON = """
SELECT run_id
FROM (
    SELECT ts, ingestion_run_id AS run_id FROM market_bars_ohlcv_1m WHERE symbol = %(symbol)s
    UNION ALL
    SELECT ts, ingestion_run_id FROM market_bar_revisions WHERE symbol = %(symbol)s
) AS found
WHERE ts >= %(day)s::date::timestamp AT TIME ZONE 'UTC' AND ts < (%(day)s::date + 1)::timestamp AT TIME ZONE 'UTC'
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


def find_run_on(cursor: CursorWrapper, symbol: str, day: date) -> int | None:
    """The run of the symbol's first bar or earlier value on a UTC date; None if it has none."""
    cursor.execute(_SELECT_RUN_ON, {"symbol": symbol, "day": day})
    row = cursor.fetchone()
    return row[0] if row else None
