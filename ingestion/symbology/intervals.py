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

from ingestion.errors import MixedInstruments
from ingestion.symbology.resolve import Group
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


def find_stored_spells(spells_of: dict[str, list[Spell]]) -> dict[str, list[Spell]]:
    rows = SeriesInstrument.standing.filter(
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
    stored_of = find_stored_spells(spells_of)
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
