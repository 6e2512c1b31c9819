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
from ingestion.symbology.resolve import InstrumentDay
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
class InstrumentInterval:
    """`instrument` stood behind a series from `start` to the day before `end` (UTC dates, half-open)."""

    instrument: Instrument
    start: date
    end: date

    def overlap(self, other: InstrumentInterval) -> tuple[date, date] | None:
        start, end = max(self.start, other.start), min(self.end, other.end)
        return (start, end) if start < end else None


class IntervalLog:
    """The spells of one file, gathered while it streams: per series code, in time order."""

    def __init__(self, path: Path, dataset: str) -> None:
        self._path = path
        self._dataset = dataset
        self.intervals: dict[int, list[InstrumentInterval]] = defaultdict(list)

    def add(self, instrument_days: Iterable[InstrumentDay], symbols: list[str]) -> None:
        """Take in the groups of a chunk. `MixedInstruments` where several publishers bring an instrument's day."""
        for instrument_day in instrument_days:
            instrument = Instrument(self._dataset, instrument_day.publisher_id, instrument_day.instrument_id)
            intervals = self.intervals[instrument_day.code]
            self._refuse_second_publisher(intervals, instrument, instrument_day, symbols)
            known = next(
                (at for at in _latest_on(intervals, instrument_day.day) if intervals[at].instrument == instrument), None
            )
            if known is not None:
                continue
            if intervals and intervals[-1].instrument == instrument:
                # Days without a bar between two days of one instrument, as the file has it, are its days too.
                intervals[-1] = replace(intervals[-1], end=instrument_day.day + ONE_DAY)
            else:
                intervals.append(InstrumentInterval(instrument, instrument_day.day, instrument_day.day + ONE_DAY))

    def _refuse_second_publisher(
        self,
        intervals: list[InstrumentInterval],
        instrument: Instrument,
        instrument_day: InstrumentDay,
        symbols: list[str],
    ) -> None:
        for at in _latest_on(intervals, instrument_day.day):
            other = intervals[at].instrument
            if other.instrument_id == instrument.instrument_id and other != instrument:
                ids = sorted((other.publisher_id, instrument.publisher_id))
                raise MixedInstruments(
                    f"{self._path}, row {instrument_day.row:,}: {symbols[instrument_day.code]} "
                    f"(instrument {instrument_day.instrument_id}) has bars of {instrument_day.day} "
                    f"from several publishers ({ids[0]}, {ids[1]}): "
                    f"choose one with --publisher {ids[0]}."
                )


def _latest_on(intervals: list[InstrumentInterval], day: date) -> list[int]:
    """Indexes of the spells that cover the day; since files run forward, only the last few can."""
    found = []
    for at in range(len(intervals) - 1, -1, -1):
        if intervals[at].end <= day:
            break
        found.append(at)
    return found


def find_stored_intervals(
    intervals_by_symbol: dict[str, list[InstrumentInterval]],
) -> dict[str, list[InstrumentInterval]]:
    rows = SeriesInstrument.standing.filter(
        series__symbol__in=list(intervals_by_symbol),
        start_date__lt=max(interval.end for intervals in intervals_by_symbol.values() for interval in intervals),
        end_date__gt=min(interval.start for intervals in intervals_by_symbol.values() for interval in intervals),
    ).values_list("series__symbol", "dataset", "publisher_id", "instrument_id", "start_date", "end_date")
    stored = defaultdict(list)
    for symbol, dataset, publisher_id, instrument_id, start, end in rows.order_by("start_date"):
        stored[symbol].append(InstrumentInterval(Instrument(dataset, publisher_id, instrument_id), start, end))
    return stored


def record_intervals(
    run: IngestRun, series_of: dict[str, Series], intervals_by_symbol: dict[str, list[InstrumentInterval]]
) -> None:
    """Store what this run newly put behind its series; days that were known before keep the run that brought them."""
    stored_of = find_stored_intervals(intervals_by_symbol)
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
        for symbol, intervals in intervals_by_symbol.items()
        for interval in intervals
        for part in _unknown_parts(interval, stored_of.get(symbol, []))
    )


def _unknown_parts(
    interval: InstrumentInterval, stored_intervals: list[InstrumentInterval]
) -> list[InstrumentInterval]:
    parts, start = [], interval.start
    for stored in stored_intervals:
        if stored.instrument != interval.instrument or not stored.overlap(interval):
            continue
        if stored.start > start:
            parts.append(replace(interval, start=start, end=stored.start))
        start = max(start, stored.end)
    if start < interval.end:
        parts.append(replace(interval, start=start))
    return parts


# --- Replacing -------------------------------------------------------------------------------------------------------


def copy_interval(row: SeriesInstrument, start: date, end: date) -> SeriesInstrument:
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
