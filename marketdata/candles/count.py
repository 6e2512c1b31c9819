"""How many candles a series has."""

from __future__ import annotations

import math
from datetime import datetime
from functools import lru_cache

import numpy as np
from django.db import connection

from marketdata.bars.stats import get_minutes_version
from marketdata.calendars.trading_days import find_trading_days
from marketdata.candles.periods import INTRADAY, find_periods
from marketdata.candles.query import _MINUTE
from marketdata.models import Series
from marketdata.timestamps import from_seconds

_MASKS = """
SELECT date_part('epoch', hour)::bigint / 60, minutes FROM market_bars_ohlcv_1h WHERE symbol = %s ORDER BY hour
"""


def count_candles(series: Series, timeframe: str) -> int:
    """How many periods have bars, from the ledger's minutes: read once for each state that the series was in."""
    return _count_candles(series.symbol, series.calendar, timeframe, get_minutes_version(series))


@lru_cache(maxsize=4096)
def _count_candles(symbol: str, calendar: str, timeframe: str, version: tuple[int, int]) -> int:
    """`version` says which minutes there are: nothing else changes the count."""
    with connection.cursor() as cursor:
        cursor.execute(_MASKS, [symbol])
        hours, minutes = np.array(cursor.fetchall(), np.int64).reshape(-1, 2).T
    if not len(hours):
        return 0
    bounds = from_seconds(int(hours[0]) * 60), from_seconds(int(hours[-1] + 59) * 60)
    cell = _grid(calendar, timeframe, bounds)
    present = [hours[(minutes >> first & (1 << cell) - 1) != 0] + first for first in range(0, 60, cell)]
    if cell == INTRADAY.get(timeframe):
        return sum(map(len, present))
    periods = find_periods(calendar, timeframe, bounds[0], bounds[1] + _MINUTE)
    places = np.searchsorted(periods.starts // 60, np.concatenate(present), side="right")
    return len(np.unique(places))


def _grid(calendar: str, timeframe: str, bounds: tuple[datetime, datetime]) -> int:
    """Minutes of the coarsest cells of an hour that no period cuts: a candle is there where one of its cells has a bar.
    Where they are as long as the periods, they are the periods."""
    days = find_trading_days(calendar, bounds[0], bounds[1] + _MINUTE)
    edges = {int(moment.timestamp()) // 60 % 60 for day in days for moment in (day.start, day.open)}
    return math.gcd(60, INTRADAY.get(timeframe, 60), *edges)
