"""The first or the last minute of a range that has a bar, read from the hourly rollup: one or two hours."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
from django.db import connection

from marketdata.rollup.minute_masks import MinuteMasks, datetime_to_minute, minute_to_datetime

_HOUR = timedelta(hours=1)

# An hour at the edge of the range may have bars only outside it; the next hour then has one within it.
_FIRST = """
SELECT date_part('epoch', hour)::bigint / 60, minutes FROM market_bars_ohlcv_1h
WHERE symbol = %(symbol)s AND hour > %(start)s AND hour < %(end)s
ORDER BY hour LIMIT 2
"""
_LAST = _FIRST.replace("ORDER BY hour", "ORDER BY hour DESC")


def find_first_minute(symbol: str, start: datetime, end: datetime) -> datetime | None:
    """The first minute of [start, end), UTC, that has a bar."""
    masks = _read(_FIRST, symbol, start, end)
    return minute_to_datetime(int(masks.first[0])) if len(masks.start) else None


def find_last_minute(symbol: str, start: datetime, end: datetime) -> datetime | None:
    """The last minute of [start, end), UTC, that has a bar."""
    masks = _read(_LAST, symbol, start, end)
    return minute_to_datetime(int(masks.last[-1])) if len(masks.start) else None


def _read(statement: str, symbol: str, start: datetime, end: datetime) -> MinuteMasks:
    with connection.cursor() as cursor:
        cursor.execute(statement, {"symbol": symbol, "start": start - _HOUR, "end": end})
        rows = np.array(sorted(cursor.fetchall()), np.int64).reshape(-1, 2)
    return MinuteMasks(*rows.T.copy()).clip(datetime_to_minute(start), datetime_to_minute(end))
