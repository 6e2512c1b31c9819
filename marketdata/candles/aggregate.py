"""Aggregates the bars of periods into candles in one statement.

It reads the hourly rollup for the whole hours of the periods, and the minute bars for the rest (see `parts`), those of
archived years from the lake (see `archived`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from django.db import connection
from psycopg2 import sql

from marketdata.candles.archived import select_archived, split_archived
from marketdata.candles.columns import Candle, Candles
from marketdata.candles.parts import Parts, find_parts, split_at_hours, write_array
from marketdata.candles.periods import Periods
from marketdata.sources.split import Sources, read_settled

__all__ = ["Candle", "read_candles"]  # other modules import both from here

_MINUTE, _HOUR = 60, 3600

# Each part is looked up by the primary key. The limit is what the longest part can have: it lets PostgreSQL expect few
# rows whatever its statistics are, and read them in order, so that the first has the open and the last the close.
_PARTS = sql.SQL("""
SELECT period, first, bars.*
FROM unnest({periods}::int[], {starts}::bigint[], {ends}::bigint[]) AS parts (period, first, stop)
CROSS JOIN LATERAL (
    SELECT (array_agg(open))[1] AS open, max(high) AS high, min(low) AS low, (array_agg(close))[count(*)] AS close,
        sum(volume) AS volume, {count} AS bar_count
    FROM (
        SELECT * FROM {table}
        WHERE symbol = %(symbol)s AND {ts} >= to_timestamp(first) AND {ts} < to_timestamp(stop)
        ORDER BY {ts}
        LIMIT {limit}
    ) AS rows
    HAVING count(*) > 0
) AS bars
""")
_JOINED = sql.SQL("""
SELECT period, (array_agg(open ORDER BY first))[1] AS open, max(high) AS high, min(low) AS low,
    (array_agg(close ORDER BY first DESC))[1] AS close, sum(volume) AS volume, sum(bar_count)::bigint AS bar_count
FROM ({parts}) AS parts
GROUP BY period
""")
_CANDLES = sql.SQL("""
SELECT period, trim_scale(open)::text, trim_scale(high)::text, trim_scale(low)::text, trim_scale(close)::text,
    volume::text, bar_count
FROM ({candles}) AS candles
ORDER BY period
""")
# Each period is one hour: the rows are the candles, and PostgreSQL needs no list of periods.
_CANDLES_OF_HOURS = """
SELECT date_part('epoch', hour)::bigint, trim_scale(open)::text, trim_scale(high)::text, trim_scale(low)::text,
    trim_scale(close)::text, volume::text, bar_count
FROM market_bars_ohlcv_1h
WHERE symbol = %s AND hour >= to_timestamp(%s) AND hour < to_timestamp(%s)
ORDER BY hour
"""


# The limit prevents a join, which could compare each range with all rows. A range that ends or begins within an hour
# may be found for that hour's other bars: then its candles have none.
_RANGES_WITH_BARS = """
SELECT number - 1 FROM unnest(%(starts)s::bigint[], %(ends)s::bigint[]) WITH ORDINALITY AS ranges (first, stop, number)
CROSS JOIN LATERAL (
    SELECT 1 FROM market_bars_ohlcv_1h
    WHERE symbol = %(symbol)s AND hour > to_timestamp(first) - interval '1 hour' AND hour < to_timestamp(stop)
        AND last_ts >= to_timestamp(first) AND first_ts < to_timestamp(stop)
    LIMIT 1
) AS bar
"""
_MAX_CLOSED_PARTS = 32  # that are looked up one by one


def read_candles(symbol: str, periods: Periods, *, now: datetime) -> Candles:
    """A candle for each period that has bars, in time order. Each period must begin where the one before ends."""
    rows = _read_rows(symbol, find_parts(periods), periods.trades)
    if not rows:
        return Candles.make_empty()
    found, *values = map(list, zip(*rows, strict=True))
    is_forming = periods.closes > now.timestamp()
    rest = (np.asarray(column)[found].tolist() for column in (periods.expected, is_forming))
    dates = [periods.dates[index] for index in found]
    return Candles(periods.labels[found].tolist(), dates, *values, *rest)


def _read_rows(symbol: str, parts: Parts, trades: np.ndarray) -> Sequence[tuple]:
    """The index of each period that has bars, and the values of its candle up to `bar_count`, in time order.

    `trades`: whether the exchange trades in each period.
    """
    if not len(parts):
        return []
    hours, minutes = split_at_hours(parts)
    if not len(minutes) and (hours.ends - hours.starts == _HOUR).all() and (np.diff(hours.periods) > 0).all():
        rows = _execute(_CANDLES_OF_HOURS, [symbol, int(hours.starts[0]), int(hours.ends[-1])])
        return _select_hours(rows, hours)
    is_closed = ~trades[parts.periods]
    if is_closed.sum() > _MAX_CLOSED_PARTS:
        parts = parts.select(~is_closed | _find_closed_with_bars(symbol, parts, is_closed))
        hours, minutes = split_at_hours(parts)
    return _execute_parts(symbol, hours, minutes)


def _find_closed_with_bars(symbol: str, parts: Parts, is_closed: np.ndarray) -> np.ndarray:
    """Which of the closed parts are in a range of closed parts that may have bars: most weekends have none."""
    closed = parts.select(is_closed)
    starts, ends = closed.list_ranges()
    with_bars = np.zeros(len(starts), bool)
    arrays = {"starts": starts.tolist(), "ends": ends.tolist()}
    with_bars[[number for (number,) in _execute(_RANGES_WITH_BARS, {"symbol": symbol} | arrays)]] = True
    found = np.zeros(len(parts), bool)
    found[is_closed] = with_bars[np.searchsorted(starts, closed.starts, side="right") - 1]
    return found


def _execute_parts(symbol: str, hours: Parts, minutes: Parts) -> list[tuple]:
    if not len(minutes):
        return _execute_selected(symbol, [_select_hours_of(hours)], hours.periods) if len(hours) else []
    return read_settled(partial(_execute_with_minutes, symbol, hours, minutes))


def _execute_with_minutes(symbol: str, hours: Parts, minutes: Parts, sources: Sources) -> list[tuple]:
    stored, archived = split_archived(minutes, sources)
    selects = [_select_hours_of(hours)] if len(hours) else []
    if len(stored):
        selects.append(_select_parts(stored, "market_bars_ohlcv_1m", "ts", "count(*)", _MINUTE))
    selects += [select_archived(symbol, piece, parts) for piece, parts in archived]
    periods = [parts.periods for parts in (hours, stored, *(parts for _, parts in archived))]
    return _execute_selected(symbol, selects, np.concatenate(periods))


def _select_hours_of(hours: Parts) -> sql.Composed:
    return _select_parts(hours, "market_bars_ohlcv_1h", "hour", "sum(bar_count)::bigint", _HOUR)


def _execute_selected(symbol: str, selects: Sequence[sql.Composable], periods: np.ndarray) -> list[tuple]:
    """The candles of all parts that are selected, which are parts of these periods."""
    candles: sql.Composable = sql.SQL(" UNION ALL ").join(selects)
    if len(np.unique(periods)) < len(periods):
        candles = _JOINED.format(parts=candles)
    return _execute(_CANDLES.format(candles=candles), {"symbol": symbol})


def _execute(statement: str | sql.Composable, parameters: Any) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple] = cursor.fetchall()
        return rows


def _select_hours(rows: Sequence[tuple], hours: Parts) -> list[tuple]:
    """The rows that begin with an hour of `hours`, with the index of its period instead."""
    periods = dict(zip(hours.starts.tolist(), hours.periods.tolist(), strict=True))
    return [(periods[row[0]], *row[1:]) for row in rows if row[0] in periods]


def _select_parts(parts: Parts, table: str, ts: str, count: str, length: int) -> sql.Composed:
    """The aggregated rows of a table in each part. `length`: of a row, in seconds."""
    return _PARTS.format(
        table=sql.Identifier(table),
        ts=sql.Identifier(ts),
        count=sql.SQL(count),
        periods=write_array(parts.periods),
        starts=write_array(parts.starts),
        ends=write_array(parts.ends),
        limit=sql.Literal(-(-int((parts.ends - parts.starts).max()) // length)),
    )
