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

from ingestion.dbn.batches import Chunk, first_rows, of_publisher, whole_minutes
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.loading.copy_format import CopyRows, copy_rows, copy_table_rows
from ingestion.loading.overlap import StoredWindows
from ingestion.options import IngestOptions
from ingestion.symbology.assign import choose_naming
from ingestion.symbology.intervals import InstrumentLog, Spell
from ingestion.symbology.resolve import Bars, SymbolNamer
from ingestion.validation.record_rules import checked_rows
from ingestion.validation.series_rules import SeriesCheck, refuse_empty
from marketdata.formatting import listed

Item = TypeVar("Item")


@dataclass(frozen=True)
class Batch:
    """One chunk as the database takes it, and how far the file had been read for it."""

    straight: CopyRows
    staged: CopyRows
    read_up_to: int


class PreparedFile:
    """One open file on its way in. Its metadata is read at once; its rows by `batches()`, once. After that `check` has
    the counts, `symbols` the series that the rows belong to, and `spells_of()` what stood behind them.

    Raises the `IngestError` of the first step that refuses the file.
    """

    def __init__(self, source: SourceFile, options: IngestOptions) -> None:
        self._source, self._options = source, options
        self._reader = RecordReader(source)
        self.facts = self._reader.facts
        self._naming = choose_naming(
            facts=self.facts, requested_symbol=options.symbol, default_slug=settings.DEFAULT_SERIES
        )
        self._namer = SymbolNamer(self.facts, self._naming)
        self._instruments = InstrumentLog(source.path, self.facts.dataset)
        self.check = SeriesCheck(self.facts, self._namer)

    @property
    def possible_symbols(self) -> list[str]:
        """The series that its rows may belong to, as the metadata has it."""
        symbol = self._naming.symbol
        return [symbol] if symbol else sorted({mapped.symbol for mapped in self.facts.mappings})

    @property
    def symbols(self) -> list[str]:
        """The series of the rows that were read; a staged row says which by its place."""
        return self._namer.symbols

    def batches(self, windows: StoredWindows, run_id: int | None) -> Iterator[Batch]:
        """The file's distinct bars, chunk by chunk, known to be good. `run_id` only has to be there for those that no
        window meets."""
        for chunk in checked_rows(self._selected(), facts=self.facts, symbol_of=self._namer.symbol_of):
            bars = self.check.distinct(self._namer.name(chunk))
            self._instruments.add(bars.groups, self.symbols)
            meets = windows.meet(bars, self.symbols)
            straight, staged = _these(bars, ~meets), _these(bars, meets)
            yield Batch(copy_table_rows(straight, self.symbols, run_id), copy_rows(staged), self._source.bytes_read)
        self._source.finish()
        refuse_empty(self._source.path, self.check, self._options.publisher_id)

    def spells_of(self) -> dict[str, list[Spell]]:
        return {self.symbols[code]: spells for code, spells in self._instruments.spells.items()}

    def notes(self) -> Iterator[str]:
        """What the user should know of a file that is good: some may be empty."""
        yield self._naming.note
        yield self.check.longest_gap_in_words
        if self._source.manifest:
            yield "Checked against manifest.json."
        if missing := self.facts.not_found:
            yield f"The vendor did not find {len(missing):,} of the requested symbols: {listed(missing)}."
        if self.facts.limit and self.check.row_count == self.facts.limit:
            yield f"The download was limited to {self.facts.limit:,} rows and has as many: there may be more."

    def _selected(self) -> Iterator[Chunk]:
        chunks = self._reader.chunks()
        if self._options.publisher_id is not None:
            chunks = of_publisher(chunks, self._options.publisher_id)
        if self._options.limit is not None:
            chunks = first_rows(chunks, self._options.limit)
        return whole_minutes(chunks, self._source.path)


def _these(bars: Bars, which: np.ndarray) -> Bars:
    """All of them as they are, which is the rule, or a copy of some."""
    return bars if which.all() else bars[which]


@contextlib.contextmanager
def one_ahead(items: Iterator[Item]) -> Iterator[Iterator[Item]]:
    """The same items, each made in a thread while the one before it is used. What making one raises is raised where it
    is due; behind the block nothing is made any more."""
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="prepare") as worker:
        yield _one_ahead(worker, items)


def _one_ahead(worker: ThreadPoolExecutor, items: Iterator[Item]) -> Iterator[Item]:
    coming = worker.submit(next, items, None)
    while (item := coming.result()) is not None:
        coming = worker.submit(next, items, None)
        yield item
