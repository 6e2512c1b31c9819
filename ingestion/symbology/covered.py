"""The time ranges in which a file states every bar of a series: a stored bar that it does not have was withdrawn.

A range counts only if the file is complete there, and the table's bars are of the instrument and publisher that the
file has. In doubt a date is left out: a bar must not be removed because another file should have been compared.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property

from ingestion.dbn.layout import NANOSECONDS_PER_MINUTE
from ingestion.dbn.metadata import DbnMetadata
from ingestion.symbology.conflicts import Conflict
from ingestion.symbology.intervals import ONE_DAY, Instrument, InstrumentInterval
from ingestion.symbology.mapped_days import DateSpan, MappedDays, intersect_spans, join_spans, subtract_spans
from marketdata.models import SeriesInstrument

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class CoveredRange:
    """A series, and the UTC time range, half-open, in which a file states all of its bars."""

    symbol: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class FileContent:
    """What a file states about its series: its mappings, and the intervals of its rows by series.

    `series`: the series of all its rows, None if each has that of its symbol. `publisher_id`: the only publisher that
    is loaded, None for all. `last`: the time of the last row.
    """

    metadata: DbnMetadata
    mapped_days: MappedDays
    intervals_by_symbol: Mapping[str, Sequence[InstrumentInterval]]
    series: str | None
    publisher_id: int | None
    last: datetime

    def find_time_range(self) -> tuple[datetime, datetime] | None:
        """The full minutes, UTC and half-open, that the file covers; None if it does not state them, or may be cut."""
        start, end = self.metadata.start, self.metadata.end
        if start is None or end is None or self.metadata.limit:
            return None
        first, stop = _to_minute(start + NANOSECONDS_PER_MINUTE - 1), _to_minute(end)
        # A delivery split into files ends with its last record (https://docs.rs/dbn, Metadata::end), and the next file
        # starts with its first: of that minute each may have some series or publishers only.
        if self.publisher_id is not None or self.last >= stop:
            first += _MINUTE
        return (first, stop) if first < stop else None

    def find_days(self, symbol: str, raw_symbol: str, instrument: Instrument) -> list[DateSpan]:
        """The dates on which the file covers this instrument of the series `symbol`, which a file had as `raw_symbol`.

        These are the dates on which its mappings map the instrument, and those of its rows. Without mappings the rows
        show it alone: the first instrument from the start on, the last one up to the end.
        """
        own = self.intervals_by_symbol.get(symbol, ())
        if instrument.dataset != self.metadata.dataset or instrument.publisher_id not in self._find_publishers(own):
            return []
        if not self.metadata.mappings:
            starts = [date.min, *(interval.start for interval in own[1:])]
            ends = [*(interval.end for interval in own[:-1]), date.max]
            dates = zip(own, starts, ends, strict=False)
            return join_spans((start, end) for interval, start, end in dates if interval.instrument == instrument)
        mapped = [
            (mapped.start, mapped.end)
            for mapped in self.mapped_days.find_mappings(instrument.instrument_id)
            if self.series or mapped.symbol in (symbol, raw_symbol)
        ]
        return join_spans(
            [*mapped, *((interval.start, interval.end) for interval in own if interval.instrument == instrument)]
        )

    def _find_publishers(self, own: Iterable[InstrumentInterval]) -> set[int]:
        """The publishers whose bars of a series the file covers: those of its rows, or else of all rows."""
        if self.publisher_id is not None:
            return {self.publisher_id}
        return {interval.instrument.publisher_id for interval in own} or self._all_publishers

    @cached_property
    def _all_publishers(self) -> set[int]:
        everything = itertools.chain.from_iterable(self.intervals_by_symbol.values())
        return {interval.instrument.publisher_id for interval in everything}


def find_covered_ranges(
    content: FileContent, symbols: Sequence[str], conflicts: Iterable[Conflict]
) -> list[CoveredRange]:
    """The ranges of these series in which the table's bars are those of instruments that the file covers.

    Dates of `conflicts` are left out. Must be called before the file's own intervals are recorded. The ranges are
    disjoint, sorted by series and time.
    """
    time_range = content.find_time_range()
    if time_range is None:
        return []
    first, stop = time_range
    dates = first.date(), (stop - _MINUTE).date() + ONE_DAY
    covered, other = _compare_with_stored(content, symbols, dates)
    for conflict in conflicts:
        other[conflict.symbol].append((conflict.start, conflict.end))
    return [
        CoveredRange(symbol, max(_to_midnight(start), first), min(_to_midnight(end), stop))
        for symbol, spans in sorted(covered.items())
        for start, end in subtract_spans(spans, other[symbol])
    ]


def _compare_with_stored(
    content: FileContent, symbols: Sequence[str], dates: DateSpan
) -> tuple[dict[str, list[DateSpan]], dict[str, list[DateSpan]]]:
    """By series, the dates on which the table has an instrument that the file covers, and those of other instruments.

    On a roll's day both may be true: then a bar of the table may be of either.
    """
    rows = SeriesInstrument.current.filter(series__symbol__in=symbols, start_date__lt=dates[1], end_date__gt=dates[0])
    covered: dict[str, list[DateSpan]] = defaultdict(list)
    other: dict[str, list[DateSpan]] = defaultdict(list)
    for row in rows.values_list(
        "series__symbol", "raw_symbol", "dataset", "publisher_id", "instrument_id", "start_date", "end_date"
    ):
        symbol, raw_symbol, dataset, publisher_id, instrument_id, start, end = row
        instrument = Instrument(dataset, publisher_id, instrument_id)
        stored = intersect_spans([(start, end)], [dates])
        same = intersect_spans(stored, content.find_days(symbol, raw_symbol, instrument))
        covered[symbol] += same
        other[symbol] += subtract_spans(stored, same)
    return covered, other


def _to_minute(nanoseconds: int) -> datetime:
    """Nanoseconds since 1970 UTC, rounded down to the minute."""
    return datetime.fromtimestamp(nanoseconds // NANOSECONDS_PER_MINUTE * 60, UTC)


def _to_midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
