"""How many candles a series has."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from functools import lru_cache

import numpy as np
from django.db import connection

from marketdata.bars.stats import get_minutes_version
from marketdata.calendars.trading_days import find_trading_days
from marketdata.candles.periods import INTRADAY, find_periods
from marketdata.models import Series
from marketdata.timestamps import from_seconds

_MINUTE = timedelta(minutes=1)
_MASKS = """
SELECT date_part('epoch', hour)::bigint / 60, minutes FROM market_bars_ohlcv_1h WHERE symbol = %s ORDER BY hour
"""


def count_candles(series: Series, timeframe: str) -> int:
    """How many periods of `timeframe` have bars, from the minute masks of the hourly rollup.

    The result is cached until the series has bars of other minutes (`get_minutes_version`). Raises `UnknownCalendar` if
    the series' calendar is unknown.
    """
    return _count_candles(series.symbol, series.calendar, timeframe, get_minutes_version(series))


@lru_cache(maxsize=4096)
def _count_candles(symbol: str, calendar: str, timeframe: str, version: tuple[int, int]) -> int:
    """`version` is part of the cache's key: the count changes only when it does."""
    with connection.cursor() as cursor:
        cursor.execute(_MASKS, [symbol])
        hours, minutes = np.array(cursor.fetchall(), np.int64).reshape(-1, 2).T
    if not len(hours):
        return 0
    bounds = from_seconds(int(hours[0]) * 60), from_seconds(int(hours[-1] + 59) * 60)
    cell = _find_cell_minutes(calendar, timeframe, bounds)
    present = [hours[(minutes >> first & (1 << cell) - 1) != 0] + first for first in range(0, 60, cell)]
    if cell == INTRADAY.get(timeframe):
        return sum(map(len, present))
    periods = find_periods(calendar, timeframe, bounds[0], bounds[1] + _MINUTE)
    indexes = np.searchsorted(periods.starts // 60, np.concatenate(present), side="right")
    return len(np.unique(indexes))


def _find_cell_minutes(calendar: str, timeframe: str, bounds: tuple[datetime, datetime]) -> int:
    """The length of the coarsest cells of an hour such that each cell is within one period.

    A period has a candle if one of its cells has a bar. Where a cell is as long as a period, the cells are the periods.
    """
    days = find_trading_days(calendar, bounds[0], bounds[1] + _MINUTE)
    edges = {int(moment.timestamp()) // 60 % 60 for day in days for moment in (day.start, day.open)}
    return math.gcd(60, INTRADAY.get(timeframe, 60), *edges)
