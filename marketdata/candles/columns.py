"""Candles as objects, and as columns, which cost less than thousands of objects."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from marketdata.timestamps import from_seconds


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


@dataclass(frozen=True)
class Candles:
    """The columns of candles in time order, or the reverse. `ts` are seconds since 1970; volumes are decimal text.

    Otherwise a value is that of `Candle`.
    """

    ts: list[int]
    session_date: list[date]
    open: list[str]
    high: list[str]
    low: list[str]
    close: list[str]
    volume: list[str]
    bar_count: list[int]
    expected: list[int]
    forming: list[bool]

    @classmethod
    def make_empty(cls) -> Candles:
        return cls([], [], [], [], [], [], [], [], [], [])

    def __len__(self) -> int:
        return len(self.ts)

    def __getitem__(self, selected: slice) -> Candles:
        return Candles(*(column[selected] for column in self.list_columns()))

    def __add__(self, other: Candles) -> Candles:
        return Candles(*(a + b for a, b in zip(self.list_columns(), other.list_columns(), strict=True)))

    def list_columns(self) -> list[list]:
        """The columns in the order of the fields."""
        return list(vars(self).values())

    def clip(self, lowest: datetime | None, highest: datetime | None) -> Candles:
        """Those of candles in time order whose timestamp is in [lowest, highest)."""
        first = 0 if lowest is None else bisect_left(self.ts, lowest.timestamp())
        stop = len(self) if highest is None else bisect_left(self.ts, highest.timestamp())
        return self[first:stop]

    def to_list(self) -> list[Candle]:
        """An object for each candle."""
        columns = vars(self) | {"ts": map(from_seconds, self.ts), "volume": map(Decimal, self.volume)}
        return list(map(Candle, *columns.values()))
