"""Aggregates the bars of periods into candles in one statement.

It reads the hourly rollup for the whole hours of the periods, and the minute bars for the rest (see `parts`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

import numpy as np
from django.db import connection
from psycopg2 import sql

from marketdata.candles.parts import Parts, find_parts, split_at_hours
from marketdata.candles.periods import Periods
from marketdata.timestamps import from_seconds

_MINUTE, _HOUR = 60, 3600


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


# `width_bucket` finds the last edge at or before a row, and `periods` has the period that begins there.
_HOURS = sql.SQL("""
SELECT ({periods}::int[])[width_bucket(date_part('epoch', hour)::bigint, {edges}::bigint[])] AS period,
    hour AS ts, open, high, low, close, volume, bar_count
FROM {rows}
""")
_MINUTES = sql.SQL("""
SELECT ({periods}::int[])[width_bucket(ts_ms / 1000, {edges}::bigint[])] AS period,
    ts, open, high, low, close, volume, 1 AS bar_count
FROM {rows}
""")
_ONE_RANGE = sql.SQL("""
(SELECT * FROM {table} WHERE symbol = %(symbol)s AND {ts} >= to_timestamp({starts}) AND {ts} < to_timestamp({ends}))
AS rows
""")
# The limit is what the longest range can have. It makes PostgreSQL look up each range by the primary key: otherwise, if
# its statistics of the table are old, it compares each range with all rows.
_RANGES = sql.SQL("""
unnest({starts}::bigint[], {ends}::bigint[]) AS ranges (first, stop)
CROSS JOIN LATERAL (
    SELECT * FROM {table}
    WHERE symbol = %(symbol)s AND {ts} >= to_timestamp(first) AND {ts} < to_timestamp(stop)
    LIMIT {limit}
) AS rows
""")
_CANDLES = sql.SQL("""
SELECT period, trim_scale((array_agg(open ORDER BY ts))[1])::text, trim_scale(max(high))::text,
    trim_scale(min(low))::text, trim_scale((array_agg(close ORDER BY ts DESC))[1])::text, sum(volume),
    sum(bar_count)::bigint
FROM ({rows}) AS rows
GROUP BY period
ORDER BY period
""")
# Each period is one hour: the rows are the candles, and PostgreSQL needs no list of periods.
_CANDLES_OF_HOURS = """
SELECT date_part('epoch', hour)::bigint, trim_scale(open)::text, trim_scale(high)::text, trim_scale(low)::text,
    trim_scale(close)::text, volume, bar_count
FROM market_bars_ohlcv_1h
WHERE symbol = %s AND hour >= to_timestamp(%s) AND hour < to_timestamp(%s)
ORDER BY hour
"""


def read_candles(symbol: str, periods: Periods, *, now: datetime) -> Iterator[Candle]:
    """A candle for each period that has bars, in time order. Each period must begin where the one before ends."""
    over = (periods.closes <= now.timestamp()).tolist()
    labels, expected = periods.labels.tolist(), periods.expected.tolist()
    for index, opened, high, low, close, volume, count in _read_rows(symbol, find_parts(periods)):
        values = (opened, high, low, close, volume, count)
        yield Candle(from_seconds(labels[index]), periods.dates[index], *values, expected[index], not over[index])


def _read_rows(symbol: str, parts: Parts) -> list[tuple]:
    """The index of each period that has bars, and the values of its candle up to `bar_count`, in time order."""
    if not len(parts):
        return []
    hours, minutes = split_at_hours(parts)
    with connection.cursor() as cursor:
        if not len(minutes) and (hours.ends - hours.starts == _HOUR).all() and (np.diff(hours.periods) > 0).all():
            cursor.execute(_CANDLES_OF_HOURS, [symbol, int(hours.starts[0]), int(hours.ends[-1])])
            return _select_hours(cursor.fetchall(), hours)
        sources = []
        if len(hours):
            sources.append(_HOURS.format(**_describe_rows(hours, "market_bars_ohlcv_1h", "hour", _HOUR)))
        if len(minutes):
            sources.append(_MINUTES.format(**_describe_rows(minutes, "market_bars_ohlcv_1m", "ts", _MINUTE)))
        cursor.execute(_CANDLES.format(rows=sql.SQL(" UNION ALL ").join(sources)), {"symbol": symbol})
        rows: list[tuple] = cursor.fetchall()
        return rows


def _select_hours(rows: Sequence[tuple], hours: Parts) -> list[tuple]:
    """The rows that begin with an hour of `hours`, with the index of its period instead."""
    periods = dict(zip(hours.starts.tolist(), hours.periods.tolist(), strict=True))
    return [(periods[row[0]], *row[1:]) for row in rows if row[0] in periods]


def _describe_rows(parts: Parts, table: str, ts: str, length: int) -> dict[str, sql.Composable]:
    """The rows of a table in these parts, and the edges by which each belongs to a period. `length`: of a row, in
    seconds."""
    edges, periods = parts.list_edges()
    starts, ends = parts.list_ranges()
    names = {"table": sql.Identifier(table), "ts": sql.Identifier(ts)}
    if len(starts) == 1:
        rows = _ONE_RANGE.format(**names, starts=sql.Literal(int(starts[0])), ends=sql.Literal(int(ends[0])))
    else:
        limit = sql.Literal(-(-int((ends - starts).max()) // length))
        rows = _RANGES.format(**names, starts=_write_array(starts), ends=_write_array(ends), limit=limit)
    return {"rows": rows, "edges": _write_array(edges), "periods": _write_array(periods)}


def _write_array(numbers: np.ndarray) -> sql.Literal:
    """An array literal: PostgreSQL would parse each of thousands of single numbers as an expression."""
    return sql.Literal(f"{{{','.join(map(str, numbers.tolist()))}}}")
