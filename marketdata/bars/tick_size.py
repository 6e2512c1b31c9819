"""The tick size of a series: the one that an operator set, or the one that is found from the bars.

It is found as the largest step that divides the open, high, low and close of all bars, from `MIN_BARS` bars on: fewer
bars may all be on a coarser step by chance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from marketdata.bars.query import read_newest_bars
from marketdata.sources.errors import ArchivedBarsUnreadable

MIN_BARS = 2_000
_SCALE = 9


class HasTickSize(Protocol):
    """A series, or those of its columns that decide about its tick size."""

    @property
    def symbol(self) -> str: ...

    @property
    def tick_size(self) -> Decimal | None: ...

    @property
    def price_step(self) -> Decimal | None: ...


@dataclass(frozen=True)
class TickSize:
    """`size` is None where it is unknown. `source`: an operator set it, or it is found from the bars."""

    size: Decimal | None = None
    source: Literal["set", "bars"] | None = None


def find_tick_size(series: HasTickSize, bar_count: int) -> TickSize:
    """The tick size of a series that has so many bars.

    Runs store the step of all bars. Where only other programs wrote bars, the newest `MIN_BARS` are read. It is unknown
    while these are archived in a lake that cannot be read: lists of series stay usable.
    """
    if series.tick_size is not None:
        return TickSize(series.tick_size, "set")
    try:
        return find_from_bars(series, bar_count)
    except ArchivedBarsUnreadable:
        return TickSize()


def find_from_bars(series: HasTickSize, bar_count: int) -> TickSize:
    """The tick size by the bars alone, also where an operator set one. Raises `ArchivedBarsUnreadable`."""
    if bar_count < MIN_BARS:
        return TickSize()
    step = series.price_step or _read_newest(series.symbol)
    # All prices may be 0: then any step divides them.
    return TickSize(step, "bars") if step else TickSize()


def _read_newest(symbol: str) -> Decimal:
    """The step of the newest bars, in exact integers of 1e-9."""
    rows = read_newest_bars(symbol, MIN_BARS)
    prices = (price for row in rows for price in (row.open, row.high, row.low, row.close))
    step = math.gcd(*(int(Decimal(price).scaleb(_SCALE)) for price in prices))
    return Decimal(step).scaleb(-_SCALE)
