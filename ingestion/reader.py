"""One open file, batch by batch: decoded, validated, resolved to series, and encoded for COPY.

A thread prepares one batch while PostgreSQL stores the one before it, so that a load takes as long as the slower of the
two, not as long as both.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TypeVar

import numpy as np
from django.conf import settings

from ingestion.dbn.batches import RecordBatch, align_to_minutes, filter_publisher, limit_rows
from ingestion.dbn.beside.definitions import read_definitions_beside
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.dbn.text import to_printable
from ingestion.loading.copy_format import NO_ROWS, CopyRows, encode_bar_rows, encode_staged_rows
from ingestion.loading.overlap import StoredRanges
from ingestion.loading.partitions import find_years
from ingestion.loading.price_steps import FilePriceSteps, Steps
from ingestion.options import IngestOptions
from ingestion.symbology.assign import assign_series
from ingestion.symbology.conflicts import Conflict
from ingestion.symbology.contracts import (
    ContractResolver,
    FileInstrument,
    describe_raw_symbol,
    describe_series,
    describe_unclaimed,
    describe_unsettled,
)
from ingestion.symbology.covered import CoveredRange, FileContent, find_covered_ranges
from ingestion.symbology.intervals import InstrumentInterval, IntervalLog
from ingestion.symbology.mapped_dates import MappedSeries, find_mapped_dates
from ingestion.symbology.mapped_days import DateSpan, MappedDays
from ingestion.symbology.resolve import ResolvedBars, SymbolResolver
from ingestion.symbology.stored_instruments import find_possible_series, find_stored_instruments
from ingestion.validation.describe import to_datetime
from ingestion.validation.record_rules import check_records
from ingestion.validation.series_rules import SeriesCheck, refuse_empty
from marketdata.formatting import format_list

Item = TypeVar("Item")

_CHECK_SECONDS = 0.2


@dataclass(frozen=True)
class LoadBatch:
    """One batch as COPY reads it: rows that no stored bar can equal, rows that one might, and the position in the file
    in bytes. `years`: those of all rows, UTC."""

    new: CopyRows
    possibly_stored: CopyRows
    position: int
    years: frozenset[int]


class FileReader:
    """The metadata of an open file, read at once, and its rows, read once by `load_batches` or `preview_batches`.

    `load_contracts` must come before the rows. Afterwards `check` has the counts, `symbols` the series of the rows, and
    `intervals_by_symbol` the instruments that they are mapped to. Raises the `IngestError` of the first step that
    refuses the file.
    """

    def __init__(self, source: SourceFile, options: IngestOptions) -> None:
        self._source, self.options = source, options
        self._records = RecordReader(source)
        self.path = source.path
        self.metadata = self._records.metadata
        self._assignment = assign_series(
            metadata=self.metadata, requested_symbol=options.symbol, default_slug=settings.DEFAULT_SERIES
        )
        source.check_cancelled()  # each of these steps goes through the mappings, of which there can be millions
        self._contracts = ContractResolver(self.metadata)
        self._resolver = SymbolResolver(self.metadata, self._assignment, self._contracts, source.check_cancelled)
        self._stored_series: list[str] = []
        source.check_cancelled()
        self._mapped_days = MappedDays(self.metadata.mappings)
        self._intervals = IntervalLog(source.path, self.metadata.dataset, self._mapped_days)
        self._price_steps = FilePriceSteps()
        self.check = SeriesCheck(self.metadata, self._resolver)

    @property
    def time_range(self) -> tuple[datetime, datetime]:
        """The metadata's start and end, UTC, both included: all rows are within. Only of a file that states them."""
        if self.metadata.start is None or self.metadata.end is None:
            raise ValueError(f"{self.path} states no time range")
        return to_datetime(self.metadata.start), to_datetime(self.metadata.end)

    @property
    def possible_symbols(self) -> list[str]:
        """The series that the rows may belong to, by the metadata. A raw symbol stands for each of its contracts."""
        return [self._assignment.symbol] if self._assignment.symbol else self._list_raw_symbols()

    @property
    def stored_series(self) -> list[str]:
        """Every series that the table may have bars of already: `load_contracts` finds those of contracts."""
        return [*self.possible_symbols, *self._stored_series]

    @property
    def symbols(self) -> list[str]:
        """The series of the rows read so far. A staged row names its series by the position in this list. At the end of
        the file two positions may have the same series: instruments that turn out to be one contract."""
        return self._resolver.symbols

    @property
    def instruments(self) -> list[FileInstrument]:
        """The instruments whose contracts decide their series."""
        return self._contracts.instruments

    @property
    def intervals_by_symbol(self) -> dict[str, list[InstrumentInterval]]:
        """Which instrument each series was mapped to, on which dates, by the rows read so far."""
        by_symbol: dict[str, list[InstrumentInterval]] = defaultdict(list)
        for code, intervals in self._intervals.intervals.items():
            by_symbol[self.symbols[code]] += intervals
        return dict(by_symbol)

    @property
    def price_steps(self) -> Steps:
        """The largest step that divides all prices of each series, by the rows read so far."""
        return self._price_steps.collect(self.symbols)

    @property
    def raw_symbols(self) -> dict[tuple[str, int], str]:
        """The file's symbol by series and instrument id, where it has one."""
        return {(self.symbols[code], number): raw for (code, number), raw in self._resolver.raw_symbols.items()}

    @property
    def raw_symbol_by_series(self) -> dict[str, str]:
        """The file's symbol of each series; that of its last instrument, if it has several."""
        return {symbol: raw for (symbol, _), raw in self.raw_symbols.items()}

    @property
    def file_symbols(self) -> dict[str, list[str]]:
        """The file's symbols of each series, which name its product. For --symbol, those that the file requests."""
        if self._assignment.symbol:
            symbols = [self._assignment.vendor_symbol] if self._assignment.vendor_symbol else self.metadata.symbols
            return {symbol: list(symbols) for symbol in self.symbols}
        return {symbol: [raw_symbol] for symbol, raw_symbol in self.raw_symbol_by_series.items()}

    @property
    def contract_columns(self) -> dict[str, dict[str, object]]:
        """The columns that describe the contract of each series."""
        if self._assignment.symbol:
            raw_symbol = self._assignment.vendor_symbol
            return {symbol: describe_raw_symbol(raw_symbol, self.metadata.dataset) for symbol in self.symbols}
        return {one.symbol: describe_series(one, self.metadata.dataset) for one in self.instruments}

    @cached_property
    def mapped_dates(self) -> dict[str, list[DateSpan]]:
        """The dates on which the file maps each series, whether or not it has bars then. To be read after the last
        row."""
        return find_mapped_dates(self.metadata, self._list_mapped_series())

    def load_contracts(self) -> None:
        """Load what the table, and the definition files beside the file, know of its instruments. Needs the locks of
        the series."""
        symbols = [symbol for symbol in self._list_raw_symbols() if self._contracts.is_needed(symbol)]
        if self._assignment.symbol or not symbols:
            return
        dataset = self.metadata.dataset
        self._stored_series = find_possible_series(dataset, symbols)
        definitions = read_definitions_beside(self.path, dataset, symbols, self._source.check_cancelled)
        self._contracts.use(find_stored_instruments(dataset, symbols), definitions)

    def find_covered_ranges(self, conflicts: Iterable[Conflict]) -> list[CoveredRange]:
        """The ranges in which the file states every bar of its series, without the dates of these conflicts: none if
        not all rows are read. To be called after the last row, and before the file's intervals are recorded."""
        if self.options.limit is not None:
            return []
        content = FileContent(
            metadata=self.metadata,
            mapped_days=self._mapped_days,
            intervals_by_symbol=self.intervals_by_symbol,
            series=self._assignment.symbol,
            publisher_id=self.options.publisher_id,
            last=self.check.time_range[1],
        )
        return find_covered_ranges(content, sorted({*self.stored_series, *self.symbols}), conflicts)

    def load_batches(self, stored_ranges: StoredRanges, run_id: int) -> Iterator[LoadBatch]:
        """All rows, parted by whether the table may have their bars already; new ones name the run."""
        for bars in self._valid_bars():
            stored = stored_ranges.may_include(bars, self.symbols)
            if unsettled := self._resolver.unsettled_codes:
                stored |= np.isin(bars.codes, list(unsettled))
            new, possibly_stored = _select(bars, ~stored), _select(bars, stored)
            yield LoadBatch(
                encode_bar_rows(new, self.symbols, run_id),
                encode_staged_rows(possibly_stored),
                self._source.bytes_read,
                find_years(bars),
            )

    def preview_batches(self) -> Iterator[LoadBatch]:
        """All rows, to be staged and compared only."""
        for bars in self._valid_bars():
            yield LoadBatch(NO_ROWS, encode_staged_rows(bars), self._source.bytes_read, find_years(bars))

    def _valid_bars(self) -> Iterator[ResolvedBars]:
        """The file's distinct bars, batch by batch, in the order of the steps: record rules, series, series rules,
        instruments; at the end the checks of the complete file."""
        for batch in check_records(
            self._requested_batches(), metadata=self.metadata, find_symbol=self._resolver.find_symbol
        ):
            bars = self.check.drop_duplicates(self._resolver.resolve(batch))
            self._intervals.add(bars.instrument_days, self.symbols)
            self._price_steps.add(bars)
            yield bars
        self._source.finish()
        self._resolver.settle()
        self.check.refuse_overlapping_parts()
        refuse_empty(self.path, self.check, self.options.publisher_id)

    def _requested_batches(self) -> Iterator[RecordBatch]:
        batches = self._records.read_batches()
        if self.options.publisher_id is not None:
            batches = filter_publisher(batches, self.options.publisher_id)
        if self.options.limit is not None:
            batches = limit_rows(batches, self.options.limit)
        return align_to_minutes(batches, self.path)

    def _list_raw_symbols(self) -> list[str]:
        mapped = {mapped.symbol for mapped in self.metadata.mappings}
        return sorted(mapped) or [symbol for symbol in [self._assignment.vendor_symbol] if symbol]

    def _list_mapped_series(self) -> Iterator[MappedSeries]:
        if self._assignment.symbol:
            for raw_symbol in self._list_raw_symbols() or [""]:
                yield MappedSeries(self._assignment.symbol, raw_symbol, None)
            return
        for one in self.instruments:
            number = one.instrument_id if self._contracts.is_needed(one.raw_symbol) else None
            yield MappedSeries(one.symbol, one.raw_symbol, number)

    def notes(self) -> Iterator[str]:
        """Sentences for the user about a file that was read to its end."""
        if self._assignment.note:
            yield self._assignment.note
        if self._assignment.is_unclaimed and not any(one.stored for one in self.instruments):
            yield describe_unclaimed(self._assignment.vendor_symbol, self.symbols)
        yield from describe_unsettled(self.instruments)
        if self.check.longest_gap_start is not None:
            yield self.check.longest_gap_note
        if self._source.manifest:
            yield "Checked against manifest.json."
        if missing := self.metadata.not_found:
            names = format_list([to_printable(name) for name in missing])
            yield f"The vendor did not find {len(missing):,} of the requested symbols: {names}."
        if self.metadata.limit and self.check.row_count == self.metadata.limit:
            yield f"The download was limited to {self.metadata.limit:,} rows and has as many: there may be more."


def _select(bars: ResolvedBars, which: np.ndarray) -> ResolvedBars:
    # Usually all rows go the same way: they are not copied then.
    return bars if which.all() else bars[which]


@contextlib.contextmanager
def prefetch(items: Iterator[Item], check_cancelled: Callable[[], None] = lambda: None) -> Iterator[Iterator[Item]]:
    """The same items, each made in a thread while the one before it is used.

    What making an item raises is raised when that item is due. While it is made, `check_cancelled` is called several
    times a second. After the block nothing is made any more.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as worker:
        yield _prefetch(worker, items, check_cancelled)


def _prefetch(worker: ThreadPoolExecutor, items: Iterator[Item], check_cancelled: Callable[[], None]) -> Iterator[Item]:
    coming = worker.submit(next, items, None)
    while (item := _wait_for(coming, check_cancelled)) is not None:
        coming = worker.submit(next, items, None)
        yield item


def _wait_for(coming: Future[Item | None], check_cancelled: Callable[[], None]) -> Item | None:
    while not wait([coming], _CHECK_SECONDS).done:
        check_cancelled()
    check_cancelled()  # the thread may have raised because of it, which only this thread may report
    return coming.result()
