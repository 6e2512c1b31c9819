"""All that Python does to a file's rows, steps 2 to 5: decoded, checked, named, parted by the way they go, and laid out
as COPY has them. A thread does it one chunk ahead of the database, so that a load takes as long as the slower of the
two, and not the sum.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from django.conf import settings

from ingestion.dbn.batches import RecordBatch, align_to_minutes, filter_publisher, limit_rows
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.loading.copy_format import CopyRows, encode_bar_rows, encode_staged_rows
from ingestion.loading.overlap import StoredRanges
from ingestion.options import IngestOptions
from ingestion.symbology.assign import assign_series
from ingestion.symbology.intervals import InstrumentInterval, IntervalLog
from ingestion.symbology.resolve import ResolvedBars, SymbolResolver
from ingestion.validation.record_rules import check_records
from ingestion.validation.series_rules import SeriesCheck, refuse_empty
from marketdata.formatting import format_list

Item = TypeVar("Item")


@dataclass(frozen=True)
class CopyBatch:
    """One chunk as the database takes it, and how far the file had been read for it."""

    new: CopyRows
    possibly_stored: CopyRows
    read_up_to: int


class FileReader:
    """One open file on its way in. Its metadata is read at once; its rows by `batches()`, once. After that `check` has
    the counts, `symbols` the series that the rows belong to, and `spells_of()` what stood behind them.

    Raises the `IngestError` of the first step that refuses the file.
    """

    def __init__(self, source: SourceFile, options: IngestOptions) -> None:
        self._source, self._options = source, options
        self._reader = RecordReader(source)
        self.metadata = self._reader.metadata
        self._assignment = assign_series(
            metadata=self.metadata, requested_symbol=options.symbol, default_slug=settings.DEFAULT_SERIES
        )
        self._resolver = SymbolResolver(self.metadata, self._assignment)
        self._instruments = IntervalLog(source.path, self.metadata.dataset)
        self.check = SeriesCheck(self.metadata, self._resolver)

    @property
    def possible_symbols(self) -> list[str]:
        """The series that its rows may belong to, as the metadata has it."""
        symbol = self._assignment.symbol
        return [symbol] if symbol else sorted({mapped.symbol for mapped in self.metadata.mappings})

    @property
    def symbols(self) -> list[str]:
        """The series of the rows that were read; a staged row says which by its place."""
        return self._resolver.symbols

    def copy_batches(self, windows: StoredRanges, run_id: int | None) -> Iterator[CopyBatch]:
        """The file's distinct bars, chunk by chunk, known to be good. `run_id` only has to be there for those that no
        window meets."""
        describe_symbol = self._resolver.describe_symbol
        for batch in check_records(self._selected(), metadata=self.metadata, describe_symbol=describe_symbol):
            bars = self.check.drop_duplicates(self._resolver.resolve(batch))
            self._instruments.add(bars.instrument_days, self.symbols)
            meets = windows.meet(bars, self.symbols)
            new, possibly_stored = _select(bars, ~meets), _select(bars, meets)
            yield CopyBatch(
                encode_bar_rows(new, self.symbols, run_id), encode_staged_rows(possibly_stored), self._source.bytes_read
            )
        self._source.finish()
        refuse_empty(self._source.path, self.check, self._options.publisher_id)

    def intervals_by_symbol(self) -> dict[str, list[InstrumentInterval]]:
        return {self.symbols[code]: intervals for code, intervals in self._instruments.intervals.items()}

    def notes(self) -> Iterator[str]:
        """What the user should know of a file that is good: some may be empty."""
        yield self._assignment.note
        yield self.check.longest_gap_note
        if self._source.manifest:
            yield "Checked against manifest.json."
        if missing := self.metadata.not_found:
            yield f"The vendor did not find {len(missing):,} of the requested symbols: {format_list(missing)}."
        if self.metadata.limit and self.check.row_count == self.metadata.limit:
            yield f"The download was limited to {self.metadata.limit:,} rows and has as many: there may be more."

    def _selected(self) -> Iterator[RecordBatch]:
        batches = self._reader.read_batches()
        if self._options.publisher_id is not None:
            batches = filter_publisher(batches, self._options.publisher_id)
        if self._options.limit is not None:
            batches = limit_rows(batches, self._options.limit)
        return align_to_minutes(batches, self._source.path)


def _select(bars: ResolvedBars, which: np.ndarray) -> ResolvedBars:
    """All of them as they are, which is the rule, or a copy of some."""
    return bars if which.all() else bars[which]


@contextlib.contextmanager
def prefetch(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """The same items, each made in a thread while the one before it is used. What making one raises is raised where it
    is due; behind the block nothing is made any more."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as worker:
        yield _prefetch(worker, items)


def _prefetch(worker: ThreadPoolExecutor, items: Iterator[Item]) -> Iterator[Item]:
    coming = worker.submit(next, items, None)
    while (item := coming.result()) is not None:
        coming = worker.submit(next, items, None)
        yield item
