"""Instrument intervals: the dates on which each series is mapped to an instrument, collected from files and stored.

A series has one instrument at a time. `find_conflicts` compares a file's intervals with the stored ones, since an equal
symbol is not enough: the front contract by volume differs from the one by calendar on roll days, and raw symbols are
reused every ten years.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from ingestion.symbology.mapped_days import MappedDays, join_spans
from ingestion.symbology.resolve import InstrumentDay
from marketdata.models import IngestRun, Series, SeriesInstrument

ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Instrument:
    """An instrument of a publisher. The ids are unique only within the vendor's dataset and on one day."""

    dataset: str
    publisher_id: int
    instrument_id: int

    def __str__(self) -> str:
        return f"instrument {self.instrument_id} of {to_printable(self.dataset)} (publisher {self.publisher_id})"


@dataclass(frozen=True)
class InstrumentInterval:
    """A series is mapped to `instrument` from `start` to the day before `end` (UTC dates, half-open)."""

    instrument: Instrument
    start: date
    end: date

    def overlap(self, other: InstrumentInterval) -> tuple[date, date] | None:
        """The dates in both intervals, half-open; None if there are none."""
        start, end = max(self.start, other.start), min(self.end, other.end)
        return (start, end) if start < end else None


class IntervalLog:
    """Collects the intervals of one file while it is read: `intervals[code]`, in time order, for each series code.

    `mapped_days` are those of the file: a day without a bar belongs to an instrument only if they map it then.
    """

    def __init__(self, path: Path, dataset: str, mapped_days: MappedDays) -> None:
        self._path = path
        self._dataset = dataset
        self._mapped_days = mapped_days
        self.intervals: dict[int, list[InstrumentInterval]] = defaultdict(list)

    def add(self, instrument_days: Iterable[InstrumentDay], symbols: list[str]) -> None:
        """Add the instrument days of a batch. `symbols` has the series by code.

        Raises `MixedInstruments` for an instrument with bars of several publishers on one day.
        """
        for instrument_day in instrument_days:
            instrument = Instrument(self._dataset, instrument_day.publisher_id, instrument_day.instrument_id)
            intervals = self.intervals[instrument_day.code]
            self._refuse_second_publisher(intervals, instrument, instrument_day, symbols)
            if any(interval.instrument == instrument for interval in _find_latest(intervals, instrument_day.day)):
                continue
            if intervals and intervals[-1].instrument == instrument:
                intervals[-1:] = self._extend(intervals[-1], instrument_day.day)
            else:
                intervals.append(InstrumentInterval(instrument, instrument_day.day, instrument_day.day + ONE_DAY))

    def _extend(self, interval: InstrumentInterval, day: date) -> list[InstrumentInterval]:
        """The interval up to and with `day`, in several parts if the file does not map all days between."""
        dates = interval.start, interval.end
        between = self._mapped_days.find_days_between(interval.instrument.instrument_id, dates, day)
        parts = join_spans([dates, *between, (day, day + ONE_DAY)])
        return [InstrumentInterval(interval.instrument, start, end) for start, end in parts]

    def _refuse_second_publisher(
        self,
        intervals: list[InstrumentInterval],
        instrument: Instrument,
        instrument_day: InstrumentDay,
        symbols: list[str],
    ) -> None:
        for interval in _find_latest(intervals, instrument_day.day):
            other = interval.instrument
            if other.instrument_id == instrument.instrument_id and other != instrument:
                ids = sorted((other.publisher_id, instrument.publisher_id))
                symbol = symbols[instrument_day.code]
                raise MixedInstruments(
                    f"{self._path}, row {instrument_day.row:,}: {to_printable(symbol)} "
                    f"(instrument {instrument_day.instrument_id}) has bars of {instrument_day.day} from several "
                    f"publishers ({ids[0]}, {ids[1]}): choose one with --publisher {ids[0]}.",
                    path=self._path,
                    row=instrument_day.row,
                    symbol=symbol,
                )


def find_stored_intervals(
    intervals_by_symbol: Mapping[str, list[InstrumentInterval]],
) -> dict[str, list[InstrumentInterval]]:
    """The stored intervals of these series in the date range of the given intervals, sorted by start date."""
    rows = SeriesInstrument.current.filter(
        series__symbol__in=list(intervals_by_symbol),
        start_date__lt=max(interval.end for intervals in intervals_by_symbol.values() for interval in intervals),
        end_date__gt=min(interval.start for intervals in intervals_by_symbol.values() for interval in intervals),
    ).values_list("series__symbol", "dataset", "publisher_id", "instrument_id", "start_date", "end_date")
    stored = defaultdict(list)
    for symbol, dataset, publisher_id, instrument_id, start, end in rows.order_by("start_date"):
        stored[symbol].append(InstrumentInterval(Instrument(dataset, publisher_id, instrument_id), start, end))
    return stored


def record_intervals(
    run: IngestRun,
    series_by_symbol: dict[str, Series],
    intervals_by_symbol: dict[str, list[InstrumentInterval]],
    raw_symbols: Mapping[tuple[str, int], str],
) -> None:
    """Store the dates that this run is the first to map; dates stored before keep their run.

    `raw_symbols` has the file's symbol by series and instrument id.
    """
    stored_by_symbol = find_stored_intervals(intervals_by_symbol)
    SeriesInstrument.objects.bulk_create(
        SeriesInstrument(
            series=series_by_symbol[symbol],
            dataset=part.instrument.dataset,
            publisher_id=part.instrument.publisher_id,
            instrument_id=part.instrument.instrument_id,
            raw_symbol=raw_symbols.get((symbol, part.instrument.instrument_id), ""),
            start_date=part.start,
            end_date=part.end,
            run=run,
        )
        for symbol, intervals in intervals_by_symbol.items()
        for interval in intervals
        for part in _subtract_stored(interval, stored_by_symbol.get(symbol, []))
    )


def copy_interval(row: SeriesInstrument, start: date, end: date) -> SeriesInstrument:
    """A new row, not saved, with the instrument and the runs of `row` and these dates."""
    return SeriesInstrument(
        series_id=row.series_id,
        dataset=row.dataset,
        publisher_id=row.publisher_id,
        instrument_id=row.instrument_id,
        raw_symbol=row.raw_symbol,
        from_mapping=row.from_mapping,
        start_date=start,
        end_date=end,
        run_id=row.run_id,
        replaced_by_id=row.replaced_by_id,
    )


def _find_latest(intervals: list[InstrumentInterval], day: date) -> list[InstrumentInterval]:
    """The intervals that end after the day, latest first. Files are in time order, so these are the last few."""
    return list(itertools.takewhile(lambda interval: interval.end > day, reversed(intervals)))


def _subtract_stored(
    interval: InstrumentInterval, stored_intervals: list[InstrumentInterval]
) -> list[InstrumentInterval]:
    """The parts of `interval` on which no stored interval has its instrument."""
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
