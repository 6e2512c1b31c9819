"""One invented futures market: what the vendor's servers send, and what a test compares the table with.

A bar is a function of its contract and its minute. There are minutes without a trade. History can lose minutes for a
time (`lose`) and change values later (`revise`), as the vendor's does. Live always sends what was first known.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import databento_dbn as dbn
import numpy as np

from .contracts import ROOTS, SPREAD, Interval, get_contract, resolve
from .hours import get_session, list_open_minutes
from .times import DAY, MINUTE, When, to_day, to_ns

DATASET = "GLBX.MDP3"
PUBLISHER = 1
TICK = 250_000_000
BAR = np.dtype(dbn.OHLCVMsg._dtypes)


@dataclass
class Incident:
    """What happened to the history of [start, end). `at` (ns) is when lost minutes are restored (0: never), or when
    revised values appear."""

    kind: str  # lost | revised
    start: int
    end: int
    at: int

    def is_over(self, as_of: int) -> bool:
        return bool(self.at) and as_of >= self.at

    def overlaps(self, day: date) -> bool:
        return self.start < to_ns(day) + DAY and self.end > to_ns(day)


@dataclass
class Market:
    """`holidays` are trading days (Chicago) without a session; `early` has the hour of the close of shortened days;
    `quiet` is the part of open minutes without a trade."""

    holidays: Collection[date] = frozenset()
    early: dict[date, int] = field(default_factory=dict)
    quiet: float = 0.02
    degraded: set[date] = field(default_factory=set)
    missing: set[date] = field(default_factory=set)
    incidents: list[Incident] = field(default_factory=list)

    def lose(self, start: When, end: When, restored: When = 0) -> None:
        """History lacks [start, end) until `restored`, and its days are degraded."""
        self.incidents.append(Incident("lost", to_ns(start), to_ns(end), to_ns(restored)))

    def revise(self, start: When, end: When, at: When) -> None:
        """History has other values in [start, end) from `at` on."""
        self.incidents.append(Incident("revised", to_ns(start), to_ns(end), to_ns(at)))

    def session(self, trading_day: date) -> tuple[int, int] | None:
        """Start and end (ns) of a trading day; None if the market is closed."""
        return get_session(trading_day, self.holidays, self.early)

    def open_minutes(self, start: int, end: int) -> np.ndarray:
        """All minutes (ns) of [start, end) in which the market is open."""
        return list_open_minutes(start, end, self.holidays, self.early)

    def resolve(self, symbol: str, stype_in: str, first: date, last: date) -> list[Interval]:
        """Dated intervals of a symbol in [first, last)."""
        return resolve(symbol, stype_in, first, last)

    def bars(
        self, symbols: Iterable[str], stype_in: str, start: When, end: When, *, as_of: int | None = None
    ) -> np.ndarray:
        """Bars of all symbols in [start, end) by time, in DBN's layout (prices in 1e-9). `as_of` (ns) gives what
        history has at that time; None what live sent first."""
        start, end = to_ns(start), to_ns(end)
        days = to_day(start), to_day(max(start, end - 1)) + timedelta(days=1)
        intervals = [interval for symbol in symbols for interval in self.resolve(symbol, stype_in, *days)]
        parts = [
            self.list_bars(instrument, max(start, to_ns(first)), min(end, to_ns(last)))
            for first, last, instrument in intervals
        ]
        rows = np.concatenate([np.zeros(0, BAR), *parts])
        rows = rows[np.lexsort((rows["instrument_id"], rows["ts_event"]))]
        return rows if as_of is None else self._apply_incidents(rows, as_of)

    def _apply_incidents(self, rows: np.ndarray, as_of: int) -> np.ndarray:
        at = rows["ts_event"].astype(np.int64)
        keep = np.ones(len(rows), bool)
        for incident in self.incidents:
            inside = (at >= incident.start) & (at < incident.end)
            if incident.kind == "lost" and not incident.is_over(as_of):
                keep &= ~inside
            if incident.kind == "revised" and incident.is_over(as_of):
                rows["close"][inside] = rows["low"][inside]  # still a valid bar
                rows["volume"][inside] += 1
        return rows[keep]

    def list_bars(self, instrument: int, start: int, end: int) -> np.ndarray:
        """Bars of one instrument in [start, end), as first known."""
        contract = get_contract(instrument)
        last_day = to_ns(contract.expiry)
        at = self.open_minutes(start, min(end, last_day + DAY))
        minute = at // MINUTE
        bits = _mix(minute * np.int64(2_654_435_761) + np.int64(instrument))
        quiet = np.where(last_day // DAY - at // DAY > 100, 0.3, self.quiet)
        keep = (bits >> np.uint64(11)).astype(np.float64) / 2**53 >= quiet
        at, minute, bits = at[keep], minute[keep], bits[keep]
        opens, closes = (_price(instrument, at, number) for number in (minute, minute + 1))
        rows = np.zeros(len(at), BAR)
        rows["length"], rows["rtype"], rows["publisher_id"], rows["instrument_id"] = 14, 0x21, PUBLISHER, instrument
        rows["ts_event"] = at
        rows["open"], rows["close"] = opens * TICK, closes * TICK
        rows["high"] = (np.maximum(opens, closes) + (bits % np.uint64(7)).astype(np.int64)) * TICK
        rows["low"] = (np.minimum(opens, closes) - (bits >> np.uint64(8)).astype(np.int64) % 7) * TICK
        rows["volume"] = 1 + bits % np.uint64(900)
        return rows

    def conditions(self, first: date, last: date, available_end: int, as_of: int) -> list[dict[str, Any]]:
        """The condition of each day from `first` to `last`, which is included. No Saturday is listed."""
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        return [self._describe(day, available_end, as_of) for day in days if day.weekday() != 5]

    def _describe(self, day: date, available_end: int, as_of: int) -> dict[str, Any]:
        condition = "degraded" if day in self.degraded else "available"
        modified: date | None = day + timedelta(days=1)
        for incident in filter(lambda incident: incident.overlaps(day), self.incidents):
            if incident.is_over(as_of):
                modified = max(modified or day, to_day(incident.at))
            elif incident.kind == "lost":
                condition = "degraded"
        if to_ns(day) + DAY > available_end:
            condition = "pending"
        if day in self.missing:
            condition, modified = "missing", None
        return {
            "date": day.isoformat(),
            "condition": condition,
            "last_modified_date": modified.isoformat() if modified else None,
        }


def _price(instrument: int, at: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """Prices in ticks at the start of minutes. A spread is a few points, and does not depend on the level."""
    if instrument >= SPREAD:
        return np.asarray(np.rint(40 + 6 * np.sin(minute / 211.0)), np.int64)
    contract = get_contract(instrument)
    days_left = to_ns(contract.expiry) // DAY - at // DAY
    wave = 1 + 0.05 * np.sin(minute / 9000.0) + 0.004 * np.sin(minute / 173.0) + 0.0008 * np.sin(minute / 7.0)
    return np.asarray(np.rint(4 * (ROOTS[contract.root][1] * wave + 2 * days_left / 10)), np.int64)


def _mix(numbers: np.ndarray) -> np.ndarray:
    """splitmix64: well-spread bits of each number, the same on every machine."""
    x = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(x ^ (x >> np.uint64(31)))
