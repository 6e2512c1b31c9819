"""Compares the hourly rollup with the minute bars, and repairs it.

The triggers of the bars maintain the rollup. It can differ only if they were disabled, or if the database was restored
in part. This module computes the hours of a symbol from its bars a second way, and compares.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from django.db import connection, transaction

from marketdata.formatting import format_price

logger = logging.getLogger(__name__)

MAX_SHOWN = 5
COLUMNS = ("open", "high", "low", "close", "volume", "bar_count", "first_ts", "last_ts", "minutes")


@dataclass(frozen=True)
class Difference:
    """One hour as stored in the rollup and as computed from its bars, by `COLUMNS`; None where the hour is missing."""

    hour: datetime
    rollup: dict[str, object] | None
    bars: dict[str, object] | None

    def __str__(self) -> str:
        hour = f"{self.hour:%Y-%m-%d %H:%M} UTC"
        if self.bars is None:
            return f"{hour} has no bars, but is in the hourly rollup"
        if self.rollup is None:
            return f"{hour} has {self.bars['bar_count']} bars, but is not in the hourly rollup"
        differing = [name for name in COLUMNS if self.rollup[name] != self.bars[name]]
        texts = [
            f"{name} {_format_value(self.rollup[name])} should be {_format_value(self.bars[name])}"
            for name in differing
        ]
        return f"{hour}: {', '.join(texts)}"


@dataclass(frozen=True)
class VerifyResult:
    """The comparison of one symbol. `hours` are the hours that differ, the first `MAX_SHOWN` of them in full.

    `bar_count` is the number of bars, `recorded_bar_count` the number in market_series_counts. Hours of
    `archived_years` are not compared, since their bars are in the lake; both counts include them.
    """

    symbol: str
    hour_count: int
    hours: list[datetime]
    first_differences: list[Difference]
    bar_count: int
    recorded_bar_count: int
    repaired: bool = False
    archived_hour_count: int = 0
    archived_years: list[int] = field(default_factory=list)

    @property
    def difference_count(self) -> int:
        """How many hours differ, plus one if the counts differ."""
        return len(self.hours) + (self.bar_count != self.recorded_bar_count)


# Date functions instead of the triggers' arithmetic, so that the two do not share an error.
_COMPARE = """
WITH hours AS (
    SELECT date_trunc('hour', ts, 'UTC') AS hour, max(high) AS high, min(low) AS low, sum(volume) AS volume,
        count(*) AS bar_count, min(ts) AS first_ts, max(ts) AS last_ts,
        sum(1::bigint << extract(minute FROM ts AT TIME ZONE 'UTC')::int)::bigint AS minutes
    FROM market_bars_ohlcv_1m
    WHERE symbol = %(symbol)s
    GROUP BY hour
), computed AS (
    SELECT hour, first.open, hours.high, hours.low, last.close, hours.volume, bar_count, first_ts, last_ts, minutes
    FROM hours
    -- LIMIT 1 forces the primary key: a join would be planned from an estimate of the number of hours.
    CROSS JOIN LATERAL (
        SELECT open FROM market_bars_ohlcv_1m WHERE symbol = %(symbol)s AND ts = first_ts LIMIT 1
    ) AS first
    CROSS JOIN LATERAL (
        SELECT close FROM market_bars_ohlcv_1m WHERE symbol = %(symbol)s AND ts = last_ts LIMIT 1
    ) AS last
), stored AS (
    SELECT hour, open, high, low, close, volume, bar_count, first_ts, last_ts, minutes
    FROM market_bars_ohlcv_1h
    WHERE symbol = %(symbol)s AND NOT EXISTS (
        SELECT 1 FROM market_archived_years WHERE year = date_part('year', hour AT TIME ZONE 'UTC')
    )
)
SELECT coalesce(stored.hour, computed.hour) AS hour,
    stored.open, stored.high, stored.low, stored.close, stored.volume,
    stored.bar_count, stored.first_ts, stored.last_ts, stored.minutes,
    computed.open, computed.high, computed.low, computed.close, computed.volume,
    computed.bar_count, computed.first_ts, computed.last_ts, computed.minutes
FROM stored FULL JOIN computed ON stored.hour = computed.hour
WHERE stored IS DISTINCT FROM computed
ORDER BY hour
"""
# The bars of archived years are counted by their hours, as market_counts_rebuild does.
_COUNT = """
SELECT (SELECT count(*) FROM market_bars_ohlcv_1h WHERE symbol = %(symbol)s),
    (SELECT count(*) FROM market_bars_ohlcv_1m WHERE symbol = %(symbol)s) + coalesce(sum(archived.bars), 0)::bigint,
    (SELECT coalesce(sum(bar_count), 0)::bigint FROM market_series_counts WHERE symbol = %(symbol)s),
    coalesce(sum(archived.hours), 0)::bigint, coalesce(array_agg(archived.year ORDER BY archived.year), '{}')
FROM (
    SELECT year, count(*) AS hours, sum(stored.bar_count) AS bars
    FROM market_archived_years AS years
    JOIN market_bars_ohlcv_1h AS stored ON symbol = %(symbol)s
        AND hour >= make_timestamptz(year, 1, 1, 0, 0, 0, 'UTC')
        AND hour < make_timestamptz(year + 1, 1, 1, 0, 0, 0, 'UTC')
    GROUP BY year
) AS archived
"""
# The primary key finds the next symbol after each: SELECT DISTINCT would read all bars.
_SYMBOLS = """
WITH RECURSIVE bar_symbols (symbol) AS (
    (SELECT symbol FROM market_bars_ohlcv_1m ORDER BY symbol LIMIT 1)
    UNION ALL
    SELECT (
        SELECT symbol FROM market_bars_ohlcv_1m AS bars WHERE bars.symbol > bar_symbols.symbol ORDER BY symbol LIMIT 1
    )
    FROM bar_symbols WHERE bar_symbols.symbol IS NOT NULL
)
SELECT symbol FROM bar_symbols WHERE symbol IS NOT NULL
UNION SELECT symbol FROM market_bars_ohlcv_1h
UNION SELECT symbol FROM market_series_counts WHERE bar_count <> 0
ORDER BY symbol
"""
_REPAIR = """
SELECT market_rollup_rebuild_hours(array_agg(%(symbol)s::varchar), %(hours)s::timestamptz[])
FROM unnest(%(hours)s::timestamptz[])
"""
_REPAIR_COUNT = "SELECT market_counts_rebuild(ARRAY[%(symbol)s]::varchar[])"


def verify_candles(*, symbol: str | None = None, repair: bool = False) -> Iterator[VerifyResult]:
    """The result of one symbol, or of every symbol that has bars, hours or a count, in order of symbol.

    `repair` repairs each symbol that differs. One statement compares a symbol's rollup and bars, so both are of the
    same snapshot while others write.
    """
    for one in [symbol] if symbol is not None else _list_symbols():
        result = verify_symbol(one)
        yield repair_symbol(one) if repair and result.difference_count else result


def verify_symbol(symbol: str) -> VerifyResult:
    """Compare the rollup and the count of one symbol with its bars, without changing them."""
    with connection.cursor() as cursor:
        cursor.execute(_COMPARE, {"symbol": symbol})
        hours: list[datetime] = []
        first_differences: list[Difference] = []
        for hour, *values in cursor:
            hours.append(hour)
            if len(first_differences) < MAX_SHOWN:
                half = len(COLUMNS)
                first_differences.append(Difference(hour, _to_hour(values[:half]), _to_hour(values[half:])))
        cursor.execute(_COUNT, {"symbol": symbol})
        hour_count, bar_count, recorded_bar_count, archived_hours, archived_years = cursor.fetchone()
    return VerifyResult(
        symbol,
        hour_count,
        hours,
        first_differences,
        bar_count,
        recorded_bar_count,
        archived_hour_count=archived_hours,
        archived_years=archived_years,
    )


def repair_symbol(symbol: str) -> VerifyResult:
    """Rebuild every hour that differs, and the count, from the bars. Returns the differences found, as `repaired`.

    One transaction. The database's functions lock each row before they read the bars, in the order of the triggers, so
    that bars written meanwhile are neither lost nor counted twice, and the two do not deadlock.
    """
    with transaction.atomic(durable=True), connection.cursor() as cursor:
        found = verify_symbol(symbol)
        if found.hours:
            cursor.execute(_REPAIR, {"symbol": symbol, "hours": found.hours})
        cursor.execute(_REPAIR_COUNT, {"symbol": symbol})
    logger.info("Repaired %s hours of %s", len(found.hours), symbol)
    return VerifyResult(**(vars(found) | {"repaired": True}))


def _format_value(value: object) -> str:
    if isinstance(value, Decimal):
        return format_price(value)
    return f"{value:%H:%M}" if isinstance(value, datetime) else str(value)


def _to_hour(values: list[object]) -> dict[str, object] | None:
    return None if values[0] is None else dict(zip(COLUMNS, values, strict=True))


def _list_symbols() -> list[str]:
    with transaction.atomic(), connection.cursor() as cursor:
        # Statistics collected during the first load report empty tables: each symbol would read all bars.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off; SET LOCAL enable_sort = off")
        cursor.execute(_SYMBOLS)
        return [row[0] for row in cursor.fetchall()]
