"""Dates on which a file and the table map a series to different instruments."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from ingestion.errors import MixedInstruments
from ingestion.symbology.intervals import ONE_DAY, Instrument, InstrumentInterval, find_stored_intervals


@dataclass(frozen=True)
class Conflict:
    """The file has `new` where the series has `stored`, on the days from `start` to the day before `end`."""

    symbol: str
    stored: Instrument
    new: Instrument
    start: date
    end: date


def find_conflicts(intervals_by_symbol: dict[str, list[InstrumentInterval]]) -> list[Conflict]:
    """Where the file and the table put different instruments behind the same days of a series, sorted by day.

    The day of a roll that both know alike, from one instrument to the next, is no conflict.
    """
    stored_of = find_stored_intervals(intervals_by_symbol)
    conflicts = []
    for symbol, new_intervals in intervals_by_symbol.items():
        stored_intervals = stored_of.get(symbol, [])
        for new in new_intervals:
            for stored in stored_intervals:
                days = new.overlap(stored)
                if not days or new.instrument == stored.instrument:
                    continue
                if days[1] - days[0] == ONE_DAY and _instruments_on(new_intervals, days[0]) == _instruments_on(
                    stored_intervals, days[0]
                ):
                    continue
                conflicts.append(Conflict(symbol, stored.instrument, new.instrument, *days))
    return sorted(conflicts, key=lambda conflict: (conflict.start, conflict.symbol))


def conflict_error(path: Path | str, conflicts: list[Conflict]) -> MixedInstruments:
    """What to raise where the conflicts are not meant."""
    first = conflicts[0]
    more = f" ({len(conflicts):,} such stretches in the file)" if len(conflicts) > 1 else ""
    return MixedInstruments(
        f"{path} has {first.new} behind {first.symbol} on {_days(first)}, where the table holds bars of "
        f"{first.stored}{more}: file it under another series with --symbol, or use --replace-instrument if it is "
        "meant to take the other's place."
    )


def _days(conflict: Conflict) -> str:
    last = conflict.end - ONE_DAY
    return f"{conflict.start}" if last == conflict.start else f"{conflict.start} to {last}"


def _instruments_on(intervals: list[InstrumentInterval], day: date) -> set[Instrument]:
    return {interval.instrument for interval in intervals if interval.start <= day < interval.end}
