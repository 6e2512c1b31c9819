"""Whether the hourly rollup agrees with the minute bars, and its repair.

The triggers of sql/hourly_rollup.sql update the rollup. This module is for a database whose triggers were disabled or
lost for a time: it aggregates the bars of a symbol again, and compares.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from marketdata.words import exact

logger = logging.getLogger(__name__)

MOST_SHOWN = 5
COLUMNS = ("open", "high", "low", "close", "volume", "bar_count", "first_ts", "last_ts", "minutes")


@dataclass(frozen=True)
class Difference:
    """One hour as the ledger has it and as its bars make it, by `COLUMNS`; None where there is no such hour."""

    hour: datetime
    ledger: dict[str, object] | None
    bars: dict[str, object] | None

    def __str__(self) -> str:
        hour = f"{self.hour:%Y-%m-%d %H:%M} UTC"
        if self.ledger is None:
            return f"{hour} has {self.bars['bar_count']} bars, and is not in the ledger"
        if self.bars is None:
            return f"{hour} has no bars, and is in the ledger"
        unlike = [name for name in COLUMNS if self.ledger[name] != self.bars[name]]
        told = [f"{name} {_text(self.ledger[name])} should be {_text(self.bars[name])}" for name in unlike]
        return f"{hour}: {', '.join(told)}"


@dataclass(frozen=True)
class Verdict:
    """What was found of one symbol. `hours`: where ledger and bars differ; `first` of them are told in full."""

    symbol: str
    hour_count: int
    hours: list[datetime]
    first: list[Difference]
    counted_bars: int
    known_bars: int
    repaired: bool = False

    @property
    def difference_count(self) -> int:
        return len(self.hours) + (self.counted_bars != self.known_bars)


# Written unlike the triggers on purpose, with the calendar's functions in place of arithmetic.
_COMPARE = """
WITH hours AS (
    SELECT date_trunc('hour', ts, 'UTC') AS hour, max(high) AS high, min(low) AS low, sum(volume) AS volume,
        count(*) AS bar_count, min(ts) AS first_ts, max(ts) AS last_ts,
        sum(1::bigint << extract(minute FROM ts AT TIME ZONE 'UTC')::int)::bigint AS minutes
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s
    GROUP BY 1
), bars AS (
    SELECT hour, first.open, hours.high, hours.low, last.close, hours.volume, bar_count, first_ts, last_ts, minutes
    FROM hours
    -- LIMIT 1 leaves no way but the primary key: a join would be planned from a guess of how many hours there are.
    CROSS JOIN LATERAL (
        SELECT open FROM market_bars_ohlcv_1m WHERE symbol = %(symbol)s AND ts = first_ts LIMIT 1
    ) AS first
    CROSS JOIN LATERAL (
        SELECT close FROM market_bars_ohlcv_1m WHERE symbol = %(symbol)s AND ts = last_ts LIMIT 1
    ) AS last
), ledger AS (
    SELECT hour, open, high, low, close, volume, bar_count, first_ts, last_ts, minutes
    FROM market_bars_ohlcv_1h
    WHERE symbol = %(symbol)s
)
SELECT coalesce(ledger.hour, bars.hour) AS hour,
    ledger.open, ledger.high, ledger.low, ledger.close, ledger.volume,
    ledger.bar_count, ledger.first_ts, ledger.last_ts, ledger.minutes,
    bars.open, bars.high, bars.low, bars.close, bars.volume,
    bars.bar_count, bars.first_ts, bars.last_ts, bars.minutes
FROM ledger FULL JOIN bars ON ledger.hour = bars.hour
WHERE ledger IS DISTINCT FROM bars
ORDER BY hour
"""
_COUNT = """
SELECT (SELECT count(*) FROM market_bars_ohlcv_1h WHERE symbol = %(symbol)s),
    (SELECT count(*) FROM market_bars_ohlcv_1m WHERE symbol = %(symbol)s),
    (SELECT coalesce(sum(bar_count), 0)::bigint FROM market_series_counts WHERE symbol = %(symbol)s)
"""
# From one symbol of the bars to the next by the primary key: reading all bars would take as long as comparing them.
_SYMBOLS = """
WITH RECURSIVE held (symbol) AS (
    (SELECT symbol FROM market_bars_ohlcv_1m ORDER BY symbol LIMIT 1)
    UNION ALL
    SELECT (SELECT symbol FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol > held.symbol ORDER BY symbol LIMIT 1)
    FROM held WHERE held.symbol IS NOT NULL
)
SELECT symbol FROM held WHERE symbol IS NOT NULL
UNION SELECT symbol FROM market_bars_ohlcv_1h
UNION SELECT symbol FROM market_series_counts WHERE bar_count <> 0
ORDER BY symbol
"""
_REPAIR = """
SELECT market_rollup_rebuild_hours(array_agg(%(symbol)s::varchar), %(hours)s::timestamptz[])
FROM unnest(%(hours)s::timestamptz[])
"""
_REPAIR_COUNT = "SELECT market_counts_rebuild(ARRAY[%(symbol)s]::varchar[])"


def verify_candles(*, symbol: str | None = None, repair: bool = False) -> Iterator[Verdict]:
    """The verdict on one symbol, or on every symbol that has bars or hours, in order; repaired first if that is asked.

    Each symbol's ledger and bars are compared as one statement sees them, so writers may go on.
    """
    for one in [symbol] if symbol is not None else _known_symbols():
        verdict = verify_symbol(one)
        yield repair_symbol(one) if repair and verdict.difference_count else verdict


def verify_symbol(symbol: str) -> Verdict:
    """Compare, and change nothing."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, {"symbol": symbol})
        hours, first = [], []
        for hour, *values in cursor:
            hours.append(hour)
            if len(first) < MOST_SHOWN:
                half = len(COLUMNS)
                first.append(Difference(hour, _as_hour(values[:half]), _as_hour(values[half:])))
        cursor.execute(_COUNT, {"symbol": symbol})
        hour_count, counted_bars, known_bars = cursor.fetchone()
    return Verdict(symbol, hour_count, hours, first, counted_bars, known_bars)


def repair_symbol(symbol: str) -> Verdict:
    """Make every hour that differs, and the count, anew out of the bars. Returns what was wrong, `repaired`.

    One transaction. The database's functions lock each row before they look at the bars, in the order in which
    whoever writes bars does, so that what others write meanwhile is neither lost nor counted twice.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        wrong = verify_symbol(symbol)
        if wrong.hours:
            cursor.execute(_REPAIR, {"symbol": symbol, "hours": wrong.hours})
        cursor.execute(_REPAIR_COUNT, {"symbol": symbol})
    logger.info("Repaired %s hours of %s", len(wrong.hours), symbol)
    return Verdict(**(vars(wrong) | {"repaired": True}))


def _text(value: object) -> str:
    if isinstance(value, Decimal):
        return exact(value)
    return f"{value:%H:%M}" if isinstance(value, datetime) else str(value)


def _as_hour(values: list[object]) -> dict[str, object] | None:
    return None if values[0] is None else dict(zip(COLUMNS, values, strict=True))


def _known_symbols() -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        # Tables that were analysed during their first load pass for empty, and would be read whole for each symbol.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        cursor.execute(_SYMBOLS)
        return [row[0] for row in cursor.fetchall()]
