"""Generated bars for the tests of detectors, and faults at known places."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np

from benchmarks.faults.generator import MARKETS, generate_bars
from marketdata.quality.detectors.model import MINUTE, Bars, Detected, SeriesContext

PRICES = ("open", "high", "low", "close")


@cache
def make_market(name: str = "front", days: int = 21, seed: int = 7) -> tuple[Bars, SeriesContext]:
    """Clean bars of a market, all of them judged."""
    market = MARKETS[name]
    bars, sessions = generate_bars(market, date(2021, 3, 1), days, seed=seed)
    judged = (int(bars.ts[0]), int(bars.ts[-1]) + MINUTE)
    return bars, SeriesContext(judged=judged, calendar=sessions, tick=market.tick, kind="outright")


def change(bars: Bars, where: slice | np.ndarray, **changes: object) -> Bars:
    """The bars with other values at these positions: numbers, or functions of the old values. High and low enclose
    open and close again."""
    values = {name: getattr(bars, name).copy() for name in (*PRICES, "volume", "instrument", "ts")}
    for name, value in changes.items():
        values[name][where] = value(values[name][where]) if callable(value) else value
    values["high"] = np.maximum.reduce([values[name] for name in PRICES])
    values["low"] = np.minimum.reduce([values[name] for name in PRICES])
    return Bars(**values)


def scale_prices(bars: Bars, where: slice, factor: float) -> Bars:
    return change(bars, where, **dict.fromkeys(PRICES, lambda old: np.rint(old * factor).astype(np.int64)))


def shift_prices(bars: Bars, where: slice, offset: int) -> Bars:
    return change(bars, where, **dict.fromkeys(PRICES, lambda old: old + offset))


def judge_all(detectors: list, bars: Bars, context: SeriesContext) -> list[Detected]:
    fresh = replace(context, judged=(int(bars.ts[0]), int(bars.ts[-1]) + MINUTE), memory={})
    return [found for detect in detectors for found in detect(bars, fresh)]


def list_kinds(found: list[Detected], bars: Bars, first: int, stop: int) -> set[str]:
    """The kinds of the findings that overlap the bars at these positions."""
    start, end = int(bars.ts[first]), int(bars.ts[stop - 1]) + MINUTE
    return {one.kind for one in found if one.start_ns < end and one.end_ns > start}
