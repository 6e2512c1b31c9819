"""Step 3: which series each record belongs to.

The accident that this step exists to prevent: several contracts under one symbol. A file is one series when somebody
says so (`--symbol`) or when its metadata maps one symbol; then two instruments may follow one another (a roll) but
never meet in a minute. Otherwise each record is filed under the symbol that the metadata gives its instrument on its
UTC day, since instrument ids are reused and change.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.layout import EPOCH, NANOSECONDS_PER_DAY
from ingestion.dbn.metadata import DbnMetadata
from ingestion.errors import MixedInstruments
from ingestion.symbology.assign import SeriesAssignment


@dataclass(frozen=True)
class InstrumentDay:
    """Rows of a chunk that share an instrument, a publisher and a UTC day. `row` is the first one's number."""

    code: int
    day: date
    publisher_id: int
    instrument_id: int
    row: int


@dataclass(frozen=True)
class ResolvedBars:
    """Records with the series that each belongs to: `codes`, shape (n,), index `SymbolNamer.symbols`."""

    batch: RecordBatch
    codes: np.ndarray
    instrument_days: list[InstrumentDay]

    def __len__(self) -> int:
        return len(self.batch)

    def __getitem__(self, which: np.ndarray) -> ResolvedBars:
        return ResolvedBars(self.batch[which], self.codes[which], self.instrument_days)


class SymbolResolver:
    """Files the records of one file under series. Codes are dense and keep their meaning within the file."""

    def __init__(self, metadata: DbnMetadata, assignment: SeriesAssignment) -> None:
        self._path = metadata.path
        self._assignment = assignment
        self.symbols: list[str] = []
        self._codes: dict[str, int] = {}
        self._intervals: dict[int, list[tuple[date, date, str]]] = defaultdict(list)
        for mapped in sorted(metadata.mappings, key=lambda mapped: (mapped.instrument_id, mapped.start)):
            self._intervals[mapped.instrument_id].append((mapped.start, mapped.end, mapped.symbol))

    def name(self, batch: RecordBatch) -> ResolvedBars:
        """Raises `MixedInstruments` for an instrument that has no mapping on its day, or two."""
        starts, first, day_index = _find_instrument_days(batch.records)
        instrument_days = [self._instrument_day(batch, int(at)) for at in first]
        codes_by_day = np.array([instrument_day.code for instrument_day in instrument_days], dtype=np.int32)
        codes = np.repeat(codes_by_day[day_index], np.diff(starts, append=len(batch)))
        return ResolvedBars(batch, codes, instrument_days)

    def symbol_of(self, record: np.void) -> str:
        """For messages: the record's series, or its instrument's number where it has none."""
        try:
            return self._symbol(int(record["instrument_id"]), _day(record), 0)
        except MixedInstruments:
            return f"instrument {record['instrument_id']}"

    def _instrument_day(self, batch: RecordBatch, at: int) -> InstrumentDay:
        record, row = batch.records[at], int(batch.rows[at])
        instrument_id, day = int(record["instrument_id"]), _day(record)
        symbol = self._symbol(instrument_id, day, row)
        if symbol not in self._codes:
            self._codes[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        return InstrumentDay(self._codes[symbol], day, int(record["publisher_id"]), instrument_id, row)

    def _symbol(self, instrument_id: int, day: date, row: int) -> str:
        if self._assignment.symbol and not self._assignment.by_mapping:
            return self._assignment.symbol
        mapped = self._mapped_symbol(instrument_id, day, row)
        return self._assignment.symbol or mapped

    def _mapped_symbol(self, instrument_id: int, day: date, row: int) -> str:
        intervals = self._intervals.get(instrument_id, [])
        until = bisect_right(intervals, day, key=lambda interval: interval[0])
        symbols = sorted({symbol for _, end, symbol in intervals[:until] if day < end})
        where = f"{self._path}, row {row:,}: instrument {instrument_id}"
        if not symbols:
            raise MixedInstruments(
                f"{where} has no symbol on {day} in the file's mappings, so it cannot be told what it is: "
                "download the file again, or name the whole file's series with --symbol if you know it."
            )
        if len(symbols) > 1:
            raise MixedInstruments(
                f"{where} is {' and also '.join(symbols)} on {day}, so it cannot be told which series it belongs to: "
                "download each symbol into a file of its own."
            )
        return symbols[0]


def _day(record: np.void) -> date:
    return EPOCH + timedelta(days=int(record["ts_event"]) // NANOSECONDS_PER_DAY)


def _find_instrument_days(records: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where runs of equal (instrument, publisher, day) start; where each distinct group is first seen, in the file's
    order; and the group of each run. Most files repeat one group for a day or more, so only runs are sorted."""
    days = records["ts_event"] // np.uint64(NANOSECONDS_PER_DAY)
    # The rows are in time order, so days can be counted off: 16 bits are enough for as many days as a chunk has rows.
    day = np.cumsum(np.diff(days, prepend=days[0]) != 0, dtype=np.uint64)
    instrument, publisher = (records[name].astype(np.uint64) for name in ("instrument_id", "publisher_id"))
    keys = instrument << np.uint64(32) | publisher << np.uint64(16) | day
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    _, first, day_index = np.unique(keys[starts], return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return starts, starts[first[order]], rank[day_index]
