"""What stands behind each series, day by day: kept for every file, and asked before the next one is written.

A series holds one instrument at a time. A file that would put another instrument behind a day that the series already
has is refused, however plausible its symbol: the front contract by volume and the front contract by calendar differ on
roll days, and a raw symbol returns each decade.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from django.db.backends.utils import CursorWrapper

from ingestion.errors import MixedInstruments
from ingestion.name_symbols import Group
from marketdata.models import IngestRun, Series, SeriesInstrument

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Instrument:
    """Who a bar is of and from. The numbers mean something only within the vendor's dataset, and on a day."""

    dataset: str
    publisher_id: int
    instrument_id: int

    def __str__(self) -> str:
        return f"instrument {self.instrument_id} of {self.dataset} (publisher {self.publisher_id})"


@dataclass(frozen=True)
class Spell:
    """`instrument` stood behind a series from `start` to the day before `end` (UTC dates, half-open)."""

    instrument: Instrument
    start: date
    end: date

    def overlap(self, other: Spell) -> tuple[date, date] | None:
        start, end = max(self.start, other.start), min(self.end, other.end)
        return (start, end) if start < end else None


class InstrumentLog:
    """The spells of one file, gathered while it streams: per series code, in time order."""

    def __init__(self, path: Path, dataset: str) -> None:
        self._path = path
        self._dataset = dataset
        self.spells: dict[int, list[Spell]] = defaultdict(list)

    def add(self, groups: Iterable[Group], symbols: list[str]) -> None:
        """Take in the groups of a chunk. `MixedInstruments` where several publishers bring an instrument's day."""
        for group in groups:
            instrument = Instrument(self._dataset, group.publisher_id, group.instrument_id)
            spells = self.spells[group.code]
            self._refuse_second_publisher(spells, instrument, group, symbols)
            known = next((at for at in _latest_on(spells, group.day) if spells[at].instrument == instrument), None)
            if known is not None:
                continue
            if spells and spells[-1].instrument == instrument:
                # Days without a bar between two days of one instrument, as the file has it, are its days too.
                spells[-1] = replace(spells[-1], end=group.day + ONE_DAY)
            else:
                spells.append(Spell(instrument, group.day, group.day + ONE_DAY))

    def _refuse_second_publisher(
        self, spells: list[Spell], instrument: Instrument, group: Group, symbols: list[str]
    ) -> None:
        for at in _latest_on(spells, group.day):
            other = spells[at].instrument
            if other.instrument_id == instrument.instrument_id and other != instrument:
                ids = sorted((other.publisher_id, instrument.publisher_id))
                raise MixedInstruments(
                    f"{self._path}, row {group.row:,}: {symbols[group.code]} (instrument {group.instrument_id}) has "
                    f"bars of {group.day} from several publishers ({ids[0]}, {ids[1]}): "
                    f"choose one with --publisher {ids[0]}."
                )


def _latest_on(spells: list[Spell], day: date) -> list[int]:
    """Indexes of the spells that cover the day; since files run forward, only the last few can."""
    found = []
    for at in range(len(spells) - 1, -1, -1):
        if spells[at].end <= day:
            break
        found.append(at)
    return found


@dataclass(frozen=True)
class Conflict:
    """The file has `new` where the series has `stored`, on the days from `start` to the day before `end`."""

    symbol: str
    stored: Instrument
    new: Instrument
    start: date
    end: date


def find_conflicts(spells_of: dict[str, list[Spell]]) -> list[Conflict]:
    """Where the file and the table put different instruments behind the same days of a series, sorted by day.

    The day of a roll that both know alike, from one instrument to the next, is no conflict.
    """
    stored_of = _stored_spells(spells_of)
    conflicts = []
    for symbol, new_spells in spells_of.items():
        stored_spells = stored_of.get(symbol, [])
        for new in new_spells:
            for stored in stored_spells:
                days = new.overlap(stored)
                if not days or new.instrument == stored.instrument:
                    continue
                if days[1] - days[0] == ONE_DAY and _behind(new_spells, days[0]) == _behind(stored_spells, days[0]):
                    continue
                conflicts.append(Conflict(symbol, stored.instrument, new.instrument, *days))
    return sorted(conflicts, key=lambda conflict: (conflict.start, conflict.symbol))


def refusal(path: Path | str, conflicts: list[Conflict]) -> MixedInstruments:
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


def _behind(spells: list[Spell], day: date) -> set[Instrument]:
    return {spell.instrument for spell in spells if spell.start <= day < spell.end}


def _stored_spells(spells_of: dict[str, list[Spell]]) -> dict[str, list[Spell]]:
    rows = SeriesInstrument.current.filter(
        series__symbol__in=list(spells_of),
        start_date__lt=max(spell.end for spells in spells_of.values() for spell in spells),
        end_date__gt=min(spell.start for spells in spells_of.values() for spell in spells),
    ).values_list("series__symbol", "dataset", "publisher_id", "instrument_id", "start_date", "end_date")
    stored = defaultdict(list)
    for symbol, dataset, publisher_id, instrument_id, start, end in rows.order_by("start_date"):
        stored[symbol].append(Spell(Instrument(dataset, publisher_id, instrument_id), start, end))
    return stored


def record_spells(run: IngestRun, series_of: dict[str, Series], spells_of: dict[str, list[Spell]]) -> None:
    """Store what this run newly put behind its series; days that were known before keep the run that brought them."""
    stored_of = _stored_spells(spells_of)
    SeriesInstrument.objects.bulk_create(
        SeriesInstrument(
            series=series_of[symbol],
            dataset=part.instrument.dataset,
            publisher_id=part.instrument.publisher_id,
            instrument_id=part.instrument.instrument_id,
            start_date=part.start,
            end_date=part.end,
            run=run,
        )
        for symbol, spells in spells_of.items()
        for spell in spells
        for part in _unknown_parts(spell, stored_of.get(symbol, []))
    )


def _unknown_parts(spell: Spell, stored_spells: list[Spell]) -> list[Spell]:
    parts, start = [], spell.start
    for stored in stored_spells:
        if stored.instrument != spell.instrument or not stored.overlap(spell):
            continue
        if stored.start > start:
            parts.append(replace(spell, start=start, end=stored.start))
        start = max(start, stored.end)
    if start < spell.end:
        parts.append(replace(spell, start=start))
    return parts


# --- Replacing -------------------------------------------------------------------------------------------------------

_FIND_REMOVALS = """
CREATE TEMPORARY TABLE staged_removals ON COMMIT DROP AS
SELECT DISTINCT bars.symbol, bars.ts
FROM unnest(%(symbols)s::varchar[], %(starts)s::date[], %(ends)s::date[]) AS days (symbol, first, behind_last)
JOIN market_bars_ohlcv_1m AS bars
    ON bars.symbol = days.symbol
    AND bars.ts >= days.first::timestamp AT TIME ZONE 'UTC'
    AND bars.ts < days.behind_last::timestamp AT TIME ZONE 'UTC'
WHERE NOT EXISTS (
    SELECT FROM staged_bars AS staged
    JOIN staged_series AS names ON names.series = staged.series
    WHERE names.symbol = bars.symbol AND staged.ts = bars.ts
)
"""
_KEEP_REMOVED = """
INSERT INTO market_bar_revisions
    (symbol, ts, open, high, low, close, volume, created_at, ingestion_run_id, revised_by_id, operation)
SELECT bars.symbol, bars.ts, bars.open, bars.high, bars.low, bars.close, bars.volume,
    bars.created_at, bars.ingestion_run_id, %(run_id)s, 'delete'
FROM staged_removals AS old
JOIN market_bars_ohlcv_1m AS bars ON bars.symbol = old.symbol AND bars.ts = old.ts
"""
_REMOVE = """
DELETE FROM market_bars_ohlcv_1m AS bars
USING staged_removals AS old
WHERE bars.symbol = old.symbol AND bars.ts = old.ts
"""


def find_removals(cursor: CursorWrapper, conflicts: list[Conflict]) -> int:
    """Put aside which minutes of the other instrument the file does not have. Returns how many.

    Left standing, they would be one contract's bars between another's.
    """
    cursor.execute(
        _FIND_REMOVALS,
        {
            "symbols": [conflict.symbol for conflict in conflicts],
            "starts": [conflict.start for conflict in conflicts],
            "ends": [conflict.end for conflict in conflicts],
        },
    )
    return cursor.rowcount


def make_way(cursor: CursorWrapper, conflicts: list[Conflict], run_id: int) -> None:
    """Take the other instrument from the days in conflict: the minutes found are removed (their values stay in
    market_bar_revisions), and its dated rows end where the new ones begin. What they lose stays as a row that this run
    has replaced: an undo gives it back."""
    cursor.execute(_KEEP_REMOVED, {"run_id": run_id})
    cursor.execute(_REMOVE)
    for conflict in conflicts:
        _cut_stored_spells(conflict, run_id)


def _cut_stored_spells(conflict: Conflict, run_id: int) -> None:
    rows = SeriesInstrument.current.filter(
        series__symbol=conflict.symbol,
        dataset=conflict.stored.dataset,
        publisher_id=conflict.stored.publisher_id,
        instrument_id=conflict.stored.instrument_id,
        start_date__lt=conflict.end,
        end_date__gt=conflict.start,
    )
    for row in rows:
        lost = max(row.start_date, conflict.start), min(row.end_date, conflict.end)
        around = ((row.start_date, lost[0]), (lost[1], row.end_date))
        kept = [part_of(row, start, end) for start, end in around if start < end]
        row.start_date, row.end_date = lost
        row.replaced_by_id = run_id
        row.save()
        SeriesInstrument.objects.bulk_create(kept)


def part_of(row: SeriesInstrument, start: date, end: date) -> SeriesInstrument:
    """A new row, not saved, that says the same as `row` of these days."""
    return SeriesInstrument(
        series_id=row.series_id,
        dataset=row.dataset,
        publisher_id=row.publisher_id,
        instrument_id=row.instrument_id,
        start_date=start,
        end_date=end,
        run_id=row.run_id,
        replaced_by_id=row.replaced_by_id,
    )
