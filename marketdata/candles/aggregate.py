"""Aggregates the bars of periods into candles in one statement.

It reads the hourly rollup where all periods begin and end at full hours, else the minute bars.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from marketdata.candles.periods import Periods
from marketdata.timestamps import from_seconds


class Candle(NamedTuple):
    """One period that has bars. Prices are exact decimal text without trailing zeros, as in `BarRow`; `ts` is UTC.

    `bar_count` is the number of bars, `expected` the number of open minutes. `bar_count` may be larger, where the
    exchange traded outside its calendar's hours. `forming`: the exchange is still
    to trade in the period.
    """

    ts: datetime
    session_date: date
    open: str
    high: str
    low: str
    close: str
    volume: Decimal
    bar_count: int
    expected: int
    forming: bool


# `width_bucket` finds the period of a row: the last one that starts at or before it.
_FROM_MINUTES = """
SELECT period - 1, trim_scale((array_agg(open ORDER BY ts))[1])::text, trim_scale(max(high))::text,
    trim_scale(min(low))::text, trim_scale((array_agg(close ORDER BY ts DESC))[1])::text, sum(volume), count(*)
FROM (
    SELECT width_bucket(ts_ms / 1000, %(starts)s::bigint[]) AS period, ts, open, high, low, close, volume
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= to_timestamp(%(first)s) AND ts < to_timestamp(%(end)s)
) AS bars
GROUP BY period
ORDER BY period
"""
_FROM_HOURS = """
SELECT period - 1, trim_scale((array_agg(open ORDER BY hour))[1])::text, trim_scale(max(high))::text,
    trim_scale(min(low))::text, trim_scale((array_agg(close ORDER BY hour DESC))[1])::text, sum(volume),
    sum(bar_count)::bigint
FROM (
    SELECT width_bucket(date_part('epoch', hour)::bigint, %(starts)s::bigint[]) AS period, hour, open, high, low,
        close, volume, bar_count
    FROM market_bars_ohlcv_1h
    WHERE symbol = %(symbol)s AND hour >= to_timestamp(%(first)s) AND hour < to_timestamp(%(end)s)
) AS hours
GROUP BY period
ORDER BY period
"""
# Each period is one hour: the rows are the candles, and PostgreSQL needs no list of periods.
_HOURS = """
SELECT date_part('epoch', hour)::bigint, trim_scale(open)::text, trim_scale(high)::text, trim_scale(low)::text,
    trim_scale(close)::text, volume, bar_count
FROM market_bars_ohlcv_1h
WHERE symbol = %(symbol)s AND hour >= to_timestamp(%(first)s) AND hour < to_timestamp(%(end)s)
ORDER BY hour
"""


def read_candles(symbol: str, periods: Periods, *, now: datetime) -> Iterator[Candle]:
    """A candle for each period that has bars, in time order. Each period must begin where the one before ends."""
    if not len(periods):
        return
    by_hours = bool((periods.ends - periods.starts == 3600).all()) and periods.is_aligned_to_hours
    bounds: dict[str, Any] = {"symbol": symbol, "first": int(periods.starts[0]), "end": int(periods.ends[-1])}
    with connection.cursor() as cursor:
        if by_hours:
            cursor.execute(_HOURS, bounds)
        else:
            statement = _FROM_HOURS if periods.is_aligned_to_hours else _FROM_MINUTES
            # An array literal: PostgreSQL would parse each of thousands of single numbers as an expression.
            cursor.execute(statement, bounds | {"starts": f"{{{','.join(map(str, periods.starts.tolist()))}}}"})
        rows = cursor.fetchall()
    indexes = [row[0] for row in rows]
    if by_hours:
        indexes = np.searchsorted(periods.starts, np.array(indexes, np.int64)).tolist()
    over = (periods.closes <= now.timestamp()).tolist()
    labels, expected = periods.labels.tolist(), periods.expected.tolist()
    for index, (_, opened, high, low, close, volume, count) in zip(indexes, rows, strict=True):
        values = (opened, high, low, close, volume, count)
        yield Candle(from_seconds(labels[index]), periods.dates[index], *values, expected[index], not over[index])
