"""What flows between the engine and the detectors. Times are nanoseconds since 1970, UTC; prices are counts of 1e-9."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np

from marketdata.quality.detectors.sessions import Sessions
from marketdata.quality.detectors.thresholds import Thresholds

MINUTE = 60_000_000_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MAX_EVIDENCE = 5

Span = tuple[int, int]  # half-open


@dataclass(frozen=True)
class Bars:
    """Minute bars as parallel arrays in time order. `ts` is the start of each minute."""

    ts: np.ndarray  # int64, ns
    open: np.ndarray  # int64, 1e-9
    high: np.ndarray
    low: np.ndarray
    close: np.ndarray
    volume: np.ndarray  # int64
    instrument: np.ndarray  # int32: the same number for bars of the same contract; 0 where it is not known

    def __len__(self) -> int:
        return len(self.ts)

    def select(self, index: np.ndarray | slice) -> Bars:
        """The bars at these positions, or where this mask is true."""
        return Bars(
            self.ts[index],
            self.open[index],
            self.high[index],
            self.low[index],
            self.close[index],
            self.volume[index],
            self.instrument[index],
        )

    def slice(self, start: int, end: int) -> Bars:
        """The bars of [start, end)."""
        first, stop = np.searchsorted(self.ts, (start, end))
        return self.select(slice(int(first), int(stop)))

    def describe(self, index: np.ndarray | Sequence[int]) -> list[dict[str, int]]:
        """The bars at these positions as evidence: at most `MAX_EVIDENCE`, the first ones."""
        names = ("ts", "open", "high", "low", "close", "volume")
        return [{name: int(getattr(self, name)[at]) for name in names} for at in list(index)[:MAX_EVIDENCE]]


_NONE = np.empty(0, np.int64)
NO_BARS = Bars(_NONE, _NONE, _NONE, _NONE, _NONE, _NONE, np.empty(0, np.int32))


@dataclass(frozen=True)
class SeriesContext:
    """What is known about the series, and which of the bars are judged.

    The detectors get bars from before `judged` (lead) and from after it (tail), to compare with. The engine drops
    findings that do not start within `judged`.
    """

    judged: Span
    calendar: Sessions | None = None  # of all bars, lead and tail included; None: the hours are not known
    tick: int = 0  # 1e-9; 0: not known
    life: Sequence[Span] = ()  # ranges in which bars are expected, in time order
    is_price_signed: bool = False  # negative prices are legal: spreads
    conditions: Mapping[date, str] = field(default_factory=dict)  # the vendor's, by UTC day: degraded, pending, missing
    kind: str = ""  # continuous, outright, spread, option, equity, or empty
    is_front: bool = True  # False: a back month, which trades little
    thresholds: Thresholds = field(default_factory=Thresholds)
    known_empty: Sequence[Span] = ()  # ranges without bars for a known cause, in time order
    now_ns: int = 0  # the time of the check; minutes from it on are not over
    # Bars up to this time should be here by now, if one comes each few minutes; 0: none is expected any more.
    expected_until_ns: int = 0
    # One dict per series, which the engine hands from window to window in time order. A detector keeps there what it
    # must remember of earlier windows, under its own name.
    memory: dict[str, Any] = field(default_factory=dict)
    # The bars of other contracts of the same product in [start, end), by symbol; None: there are none.
    read_related: Callable[[int, int], list[tuple[str, Bars]]] | None = None
    # The first bar of the series from a time on, also after the window; None: no bar is after the window.
    find_next_bar: Callable[[int], int | None] | None = None
    # The calendar of another range than that of the window; None: there is none.
    read_calendar: Callable[[int, int], Sessions] | None = None

    @cached_property
    def life_edges(self) -> tuple[np.ndarray, np.ndarray]:
        """The life as two arrays: starts and ends."""
        return to_edges(self.life)

    @cached_property
    def known_empty_edges(self) -> tuple[np.ndarray, np.ndarray]:
        """The ranges without bars for a known cause as two arrays: starts and ends."""
        return to_edges(self.known_empty)

    def judges(self, ts: np.ndarray) -> np.ndarray:
        """Whether each time is within `judged`."""
        judged: np.ndarray = (ts >= self.judged[0]) & (ts < self.judged[1])
        return judged


def to_edges(spans: Sequence[Span]) -> tuple[np.ndarray, np.ndarray]:
    """The starts and the ends of these ranges."""
    starts, ends = np.array(list(spans), np.int64).reshape(-1, 2).T
    return starts, ends


@dataclass(frozen=True)
class Detected:
    """One fault that a detector found: what, where, how far beyond the threshold, and which bars show it."""

    kind: str
    severity: str  # info, warning, error, critical
    start_ns: int  # half-open
    end_ns: int
    value: float
    threshold: float
    text: str  # one sentence
    evidence: list[dict[str, int]] = field(default_factory=list)  # as Bars.describe returns them
    group: str | None = None  # findings of one cause, for example one release or one halt, have the same
