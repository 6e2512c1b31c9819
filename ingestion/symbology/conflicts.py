"""Finds dates on which a file and the table map a series to different instruments."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from ingestion.symbology.intervals import ONE_DAY, Instrument, InstrumentInterval, find_stored_intervals


@dataclass(frozen=True)
class Conflict:
    """The file maps `symbol` to `new` and the table to `stored`, from `start` to the day before `end` (UTC dates)."""

    symbol: str
    stored: Instrument
    new: Instrument
    start: date
    end: date


def find_conflicts(intervals_by_symbol: Mapping[str, list[InstrumentInterval]]) -> list[Conflict]:
    """The dates on which the file and the table map a series to different instruments, sorted by date.

    The day of a roll has two instruments; it is no conflict if both map it to the same two.
    """
    stored_by_symbol = find_stored_intervals(intervals_by_symbol)
    conflicts = []
    for symbol, new_intervals in intervals_by_symbol.items():
        stored_intervals = stored_by_symbol.get(symbol, [])
        for new in new_intervals:
            for stored in stored_intervals:
                days = new.overlap(stored)
                if not days or new.instrument == stored.instrument:
                    continue
                if days[1] - days[0] == ONE_DAY and _find_instruments(new_intervals, days[0]) == _find_instruments(
                    stored_intervals, days[0]
                ):
                    continue
                conflicts.append(Conflict(symbol, stored.instrument, new.instrument, *days))
    return sorted(conflicts, key=lambda conflict: (conflict.start, conflict.symbol))


def separate_joins(conflicts: list[Conflict], contracts: Collection[str]) -> tuple[list[Conflict], list[Conflict]]:
    """The conflicts, and apart from them those of series that are one contract: several instruments may follow one
    another there, as long as their bars do not overlap."""
    joins = [conflict for conflict in conflicts if conflict.symbol in contracts]
    return [conflict for conflict in conflicts if conflict.symbol not in contracts], joins


def refuse_conflicts(path: Path, conflicts: list[Conflict]) -> None:
    """Raise `MixedInstruments` with the first of the conflicts, if there are any."""
    if not conflicts:
        return
    first = conflicts[0]
    more = f" ({len(conflicts):,} such date ranges in the file)" if len(conflicts) > 1 else ""
    raise MixedInstruments(
        f"{path} maps {to_printable(first.symbol)} to {first.new} on {_format_dates(first)}, where the table has bars "
        f"of {first.stored}{more}: store it under another series with --symbol, or replace the instrument mapped on "
        "these dates with --replace-instrument.",
        path=path,
        symbol=first.symbol,
    )


def refuse_shared_minute(path: Path, found: tuple[Conflict, datetime] | None) -> None:
    """Raise `MixedInstruments` for a minute that two instruments of one contract share."""
    if found is None:
        return
    join, minute = found
    raise MixedInstruments(
        f"{path} has a bar of {to_printable(join.symbol)} at {minute:%Y-%m-%d %H:%M} UTC from {join.new}, where the "
        f"table has one of {join.stored}, so these may be two contracts: store it under another series with --symbol.",
        path=path,
        symbol=join.symbol,
    )


def _format_dates(conflict: Conflict) -> str:
    last = conflict.end - ONE_DAY
    return f"{conflict.start}" if last == conflict.start else f"{conflict.start} to {last}"


def _find_instruments(intervals: list[InstrumentInterval], day: date) -> set[Instrument]:
    return {interval.instrument for interval in intervals if interval.start <= day < interval.end}
