"""What was traded in each of some periods, in one statement: from the hourly ledger where the periods lie on whole
hours, else from the minute bars."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from django.db import connection

from marketdata.candles.periods import Periods
from marketdata.timestamps import from_seconds


class Candle(NamedTuple):
    """One period that has bars. Prices are exact decimal text without idle zeros, as of `BarRow`.

    `bar_count` of the `expected` minutes have a bar; more than expected are possible, where an exchange traded outside
    the hours that its calendar knows. `forming`: the period is not over yet.
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


# `width_bucket` finds the period of each row: the last one that starts at or before it.
_FROM_MINUTES = """
SELECT place - 1, trim_scale((array_agg(open ORDER BY ts))[1])::text, trim_scale(max(high))::text,
    trim_scale(min(low))::text, trim_scale((array_agg(close ORDER BY ts DESC))[1])::text, sum(volume), count(*)
FROM (
    SELECT width_bucket(ts_ms / 1000, %(starts)s::bigint[]) AS place, ts, open, high, low, close, volume
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s AND ts >= to_timestamp(%(first)s) AND ts < to_timestamp(%(end)s)
) AS bars
GROUP BY place
ORDER BY place
"""
_FROM_HOURS = """
SELECT place - 1, trim_scale((array_agg(open ORDER BY hour))[1])::text, trim_scale(max(high))::text,
    trim_scale(min(low))::text, trim_scale((array_agg(close ORDER BY hour DESC))[1])::text, sum(volume),
    sum(bar_count)::bigint
FROM (
    SELECT width_bucket(date_part('epoch', hour)::bigint, %(starts)s::bigint[]) AS place, hour, open, high, low,
        close, volume, bar_count
    FROM market_bars_ohlcv_1h
    WHERE symbol = %(symbol)s AND hour >= to_timestamp(%(first)s) AND hour < to_timestamp(%(end)s)
) AS hours
GROUP BY place
ORDER BY place
"""
# Where each period is one hour there is nothing to gather, nor to tell PostgreSQL of the periods.
_HOURS = """
SELECT date_part('epoch', hour)::bigint, trim_scale(open)::text, trim_scale(high)::text, trim_scale(low)::text,
    trim_scale(close)::text, volume, bar_count
FROM market_bars_ohlcv_1h
WHERE symbol = %(symbol)s AND hour >= to_timestamp(%(first)s) AND hour < to_timestamp(%(end)s)
ORDER BY hour
"""


def read_candles(symbol: str, periods: Periods, *, now: datetime) -> Iterator[Candle]:
    """A candle for each of the periods that has bars, in time order. The periods must follow one another."""
    if not len(periods):
        return
    by_hours = bool((periods.ends - periods.starts == 3600).all()) and periods.on_whole_hours
    bounds = {"symbol": symbol, "first": int(periods.starts[0]), "end": int(periods.ends[-1])}
    with connection.cursor() as cursor:
        if by_hours:
            cursor.execute(_HOURS, bounds)
        else:
            statement = _FROM_HOURS if periods.on_whole_hours else _FROM_MINUTES
            # As the text of an array: of thousands of numbers one by one PostgreSQL would parse each as an expression.
            cursor.execute(statement, bounds | {"starts": f"{{{','.join(map(str, periods.starts.tolist()))}}}"})
        rows = cursor.fetchall()
    places = [row[0] for row in rows]
    if by_hours:
        places = np.searchsorted(periods.starts, np.array(places, np.int64)).tolist()
    over = (periods.ends <= now.timestamp()).tolist()
    labels, expected = periods.labels.tolist(), periods.expected.tolist()
    for place, (_, *values) in zip(places, rows, strict=True):
        yield Candle(from_seconds(labels[place]), periods.dates[place], *values, expected[place], not over[place])
