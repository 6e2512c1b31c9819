"""The step of a series by a plain second implementation, and files with given prices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from config.testing.builders import FRONT, bars
from marketdata.models import Bar, Series


def build_priced_bars(prices: Sequence[str], *, count: int, first: int = 0, instrument_id: int = FRONT) -> np.ndarray:
    """`count` bars from minute `first` on, whose four prices are equal: these prices, repeated."""
    records = bars(count, first=first, instrument_id=instrument_id)
    units = [int(Decimal(price).scaleb(9)) for price in prices]
    for name in ("open", "high", "low", "close"):
        records[name] = np.resize(np.array(units, dtype=np.int64), count)
    return records


def find_step_slowly(symbol: str) -> Decimal:
    """The largest step that divides all prices of the table."""
    rows = Bar.objects.filter(symbol=symbol).values_list("open", "high", "low", "close")
    return Decimal(math.gcd(*(int(price.scaleb(9)) for row in rows for price in row))).scaleb(-9)


def check_steps() -> dict[str, Decimal]:
    """Compare all stored steps with the bars. Returns the step of each series with bars."""
    found = {}
    for series in Series.objects.all():
        count = Bar.objects.filter(symbol=series.symbol).count()
        if count:
            assert series.price_step == find_step_slowly(series.symbol), series
            found[series.symbol] = Decimal(str(series.price_step)).normalize()
    return found
