"""Invented bars of many calendars, and the candles that this project computes from them."""

from __future__ import annotations

from datetime import datetime

from config.testing.rows import SERIES, execute, insert
from marketdata.candles.query import iterate_candles
from marketdata.models import Series, SeriesCount
from marketdata.tests.lake.conftest import MNQ, store_run

INVENT = """
INSERT INTO market_bars_ohlcv_1m (symbol, ts, ts_ms, open, high, low, close, volume, ingestion_run_id)
SELECT %s, to_timestamp(minute * 60), minute * 60000, price, price + 1.000000001, price - 2, price + 0.5,
    abs(minute) %% 97, 1
FROM (
    SELECT minute, %s + minute %% 89 + minute %% 7 * 0.000000001 AS price
    FROM generate_series(%s::bigint / 60, %s::bigint / 60, %s) AS minute
) AS invented
"""


def store_invented(symbol: str, first: str, last: str, step: int, *, level: int = 100) -> None:
    """A bar every `step` minutes from `first` to `last`, UTC, with prices from `level` on."""
    edges = [int(datetime.fromisoformat(f"{moment}+00:00").timestamp()) for moment in (first, last)]
    execute(INVENT, symbol, level, *edges, step)


def store_candle_bars() -> None:
    """Four calendars, years with a change of the clock, bars on weekends and holidays, before 1970, and prices below
    zero."""
    store_run(1, symbols=[MNQ], first="1969-12-25", last="2024-12-31")
    store_invented(MNQ, "2023-12-20T00:00", "2024-04-05T00:00", 13)
    series = (("spy", "NYSE"), ("fdax", "EUREX"), ("sau", "XSAU"), ("none", ""), ("old", ""))
    for slug, calendar in series:
        insert(SERIES, slug=slug, symbol=slug.upper(), calendar=calendar)
    store_invented("SPY", "2024-02-25T00:00", "2024-03-20T00:00", 7)
    store_invented("FDAX", "2024-03-20T00:00", "2024-04-05T00:00", 11)
    store_invented("SAU", "2024-03-25T00:00", "2024-04-20T00:00", 11)
    store_invented("NONE", "2023-12-28T00:00", "2024-01-10T00:00", 11, level=-44)
    execute("SELECT market_bars_add_partitions(ARRAY[1969, 1970])")
    store_invented("OLD", "1969-12-25T00:00", "1970-01-05T00:00", 11)


def list_symbols() -> list[str]:
    """All that have bars."""
    return list(SeriesCount.objects.filter(bar_count__gt=0).values_list("symbol", flat=True))


def list_own(series: Series, timeframe: str) -> list[tuple]:
    """This project's candles of a series: time in ms, date, exact prices as text, volume, number of bars."""
    blocks = iterate_candles(series, timeframe, start=None, end=None)
    return [
        (int(one.ts.timestamp()) * 1000, one.session_date, *map(format_exact, one[2:6]), int(one.volume), one.bar_count)
        for block in blocks
        for one in block
    ]


def format_exact(price: object) -> str:
    """With all nine digits: a decimal of zero is 0E-9 as text."""
    whole, _, rest = (price if isinstance(price, str) else f"{price:f}").partition(".")
    return f"{whole}.{rest:0<9}"
