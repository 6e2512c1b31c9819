"""What findings of prices have in common: their texts, and neighbouring bars as one finding."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import numpy as np

from marketdata.quality.detectors.model import MINUTE, Bars

MAX_APART = 5 * MINUTE  # faulty bars that are not further apart are one finding


def format_minute(ns: int) -> str:
    """A time as "2018-03-01 14:05 UTC"."""
    return f"{datetime.fromtimestamp(ns // 10**9, UTC):%Y-%m-%d %H:%M} UTC"


def format_value(price: float) -> str:
    """A price in units of 1e-9 as a decimal number, without zeros at its end."""
    return f"{price / 1e9:,.9f}".rstrip("0").rstrip(".")


def format_count(count: int, noun: str = "bar") -> str:
    """ "1 bar", "5 bars"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def group_neighbours(bars: Bars, positions: np.ndarray) -> Iterator[np.ndarray]:
    """The positions, in ascending order, in groups whose bars are at most `MAX_APART` apart."""
    if len(positions):
        cuts = np.flatnonzero(np.diff(bars.ts[positions]) > MAX_APART) + 1
        yield from np.split(positions, cuts)


def get_span(bars: Bars, positions: np.ndarray) -> tuple[int, int]:
    """From the start of the first to the end of the last of these bars, ns."""
    return int(bars.ts[positions[0]]), int(bars.ts[positions[-1]]) + MINUTE
