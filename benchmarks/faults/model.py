"""Bars that faults are put into, and what is known about each fault."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from marketdata.quality.detectors.model import HOUR, MINUTE, Bars, Span
from marketdata.quality.detectors.sessions import Sessions

FIELDS = ("ts", "open", "high", "low", "close", "volume", "instrument")
PRICES = ("open", "high", "low", "close")
CLEARANCE = 3 * HOUR  # between two faults, so that each finding belongs to one of them
ATTEMPTS = 200
SIGNED_RANGES = 300  # a price of fewer usual ranges of a bar is near zero, as those of spreads


@dataclass(frozen=True)
class Fault:
    """A fault that was put into the bars. `kinds`: the kinds of findings that name it rightly."""

    name: str
    start: int  # ns, half-open
    end: int
    kinds: frozenset[str]


@dataclass
class Editor:
    """A copy of the bars that faults change, and the times that already have one."""

    bars: Bars
    sessions: Sessions
    tick: int
    rng: np.random.Generator
    values: dict[str, np.ndarray] = field(init=False)
    kept: np.ndarray = field(init=False)
    usual_range: float = field(init=False)  # of a bar, 1e-9
    is_signed: bool = field(init=False)  # prices near zero, whose size shows nothing
    added: list[dict[str, int]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.usual_range = float(np.median(self.bars.high - self.bars.low)) if len(self.bars) else 0.0
        self.is_signed = bool((self.bars.low < SIGNED_RANGES * self.usual_range).any())
        self.values = {name: getattr(self.bars, name).copy() for name in FIELDS}
        self.kept = np.ones(len(self.bars), bool)

    def is_free(self, start: int, end: int) -> bool:
        """Whether no fault is within `CLEARANCE` of [start, end)."""
        return all(end + CLEARANCE <= fault.start or fault.end + CLEARANCE <= start for fault in self.faults)

    def pick_bars(self, count: int) -> tuple[int, int] | None:
        """First and last position (exclusive) of a free run of bars without a gap; None if there is none."""
        ts = self.bars.ts
        for _ in range(ATTEMPTS):
            first = int(self.rng.integers(0, max(len(ts) - count, 0) + 1))
            last = first + count
            if last > len(ts) or (count > 1 and ts[last - 1] - ts[first] > 3 * count * MINUTE):
                continue
            if self.is_free(int(ts[first]), int(ts[last - 1]) + MINUTE):
                return first, last
        return None

    def pick_days(self) -> Iterator[tuple[int, int]]:
        """Start and end of free trading days with bars, in random order."""
        sessions = self.sessions
        for day in self.rng.permutation(len(sessions.day_start)):
            start, end = int(sessions.day_start[day]), int(sessions.day_end[day])
            if self.bars.ts[0] <= start and end <= self.bars.ts[-1] and self.is_free(start, end):
                yield start, end

    def measure_price(self, at: int) -> float:
        """What a share of the price is a share of, 1e-9: the close; near zero, 1,500 usual ranges of a bar."""
        return SIGNED_RANGES * 5 * self.usual_range if self.is_signed else float(abs(self.values["close"][at]))

    def find(self, start: int, end: int) -> slice:
        """The positions of the bars of [start, end)."""
        first, last = np.searchsorted(self.bars.ts, (start, end))
        return slice(int(first), int(last))

    def count(self, start: int, end: int) -> int:
        """How many bars [start, end) has."""
        where = self.find(start, end)
        count: int = where.stop - where.start
        return count

    def record(self, name: str, span: Span, *kinds: str) -> bool:
        """Note a fault. Returns true, so that a fault can end with it."""
        self.faults.append(Fault(name, *span, frozenset(kinds)))
        return True

    def span(self, first: int, last: int) -> Span:
        """The time of the bars at these positions, `last` exclusive."""
        return int(self.bars.ts[first]), int(self.bars.ts[last - 1]) + MINUTE

    def enclose(self, where: slice) -> None:
        """Make high and low enclose open and close again, as the database demands."""
        opened, closed = self.values["open"][where], self.values["close"][where]
        self.values["high"][where] = np.maximum(self.values["high"][where], np.maximum(opened, closed))
        self.values["low"][where] = np.minimum(self.values["low"][where], np.minimum(opened, closed))

    def build(self) -> Bars:
        """The bars with their faults, in time order, one for each minute."""
        columns = {name: values[self.kept] for name, values in self.values.items()}
        for name, values in columns.items():
            extra = np.array([bar[name] for bar in self.added], values.dtype)
            columns[name] = np.concatenate((values, extra))
        order = np.argsort(columns["ts"], kind="stable")
        _, first = np.unique(columns["ts"][order], return_index=True)
        return Bars(**{name: values[order][first] for name, values in columns.items()})


Injector = Callable[[Editor], bool]  # puts one fault into the bars; false if it finds no place
