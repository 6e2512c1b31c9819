"""Maps each record to its series, so that bars of several contracts never share a symbol.

A record of a file with one series (`SeriesAssignment.symbol`) belongs to that series. Any other belongs to the contract
of the raw symbol that the file's mappings give its instrument on its UTC day (`ContractResolver`), since instrument ids
change and are reused.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.layout import EPOCH, NANOSECONDS_PER_DAY
from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.text import to_printable
from ingestion.errors import MixedInstruments
from ingestion.symbology.assign import SeriesAssignment
from ingestion.symbology.contracts import ContractResolver, FileInstrument


@dataclass(frozen=True)
class InstrumentDay:
    """The rows of a batch that share an instrument, a publisher and a UTC day.

    `code` is the index of their series in `SymbolResolver.symbols`, `row` the number of the first row in the file.
    """

    code: int
    day: date
    publisher_id: int
    instrument_id: int
    row: int


@dataclass(frozen=True)
class ResolvedBars:
    """A batch with the series of each row: `codes`, shape (n,), int32, indexes `SymbolResolver.symbols`.

    `instrument_days` are those of the batch, in the order of their first rows.
    """

    batch: RecordBatch
    codes: np.ndarray
    instrument_days: list[InstrumentDay]

    def __len__(self) -> int:
        return len(self.batch)

    def __getitem__(self, which: np.ndarray) -> ResolvedBars:
        return ResolvedBars(self.batch[which], self.codes[which], self.instrument_days)


class SymbolResolver:
    """Maps the records of one file to series.

    `symbols` lists the series in the order of their first rows. Series are only appended, so a code stays valid.
    `unsettled_codes` are series whose names `settle` may change, or whose stored bars have another name: their rows
    must be staged. `raw_symbols` has the file's symbol by code and instrument id, where it has one. `check_cancelled`
    is called for each instrument day, since a minute can have as many as half a million.
    """

    def __init__(
        self,
        metadata: DbnMetadata,
        assignment: SeriesAssignment,
        contracts: ContractResolver,
        check_cancelled: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = metadata.path
        self._check_cancelled = check_cancelled
        self._assignment = assignment
        self._contracts = contracts
        self.symbols: list[str] = []
        self.unsettled_codes: set[int] = set()
        self.raw_symbols: dict[tuple[int, int], str] = {}
        self._instruments: dict[int, list[FileInstrument]] = defaultdict(list)
        self._codes: dict[str, int] = {}
        self._intervals: dict[int, list[tuple[date, date, str]]] = defaultdict(list)
        for mapped in sorted(metadata.mappings, key=lambda mapped: (mapped.instrument_id, mapped.start)):
            self._intervals[mapped.instrument_id].append((mapped.start, mapped.end, mapped.symbol))

    def resolve(self, batch: RecordBatch) -> ResolvedBars:
        """Map each row to its series.

        Raises `MixedInstruments` for an instrument that has no mapping on its day, or two.
        """
        starts, first, day_index = _find_instrument_days(batch.records)
        instrument_days = [self._build_instrument_day(batch, int(at)) for at in first]
        codes_by_day = np.array([instrument_day.code for instrument_day in instrument_days], dtype=np.int32)
        codes = np.repeat(codes_by_day[day_index], np.diff(starts, append=len(batch)))
        return ResolvedBars(batch, codes, instrument_days)

    def find_symbol(self, record: np.void) -> str | None:
        """The record's series, for messages; None if it has none, or several."""
        try:
            raw_symbol = self._find_raw_symbol(int(record["instrument_id"]), _to_day(record), row=0)
        except MixedInstruments:
            return None
        return self._assignment.symbol or raw_symbol

    def settle(self) -> None:
        """Give each series its final name. Call it when all rows are resolved."""
        self._contracts.settle()
        for code, instruments in self._instruments.items():
            self.symbols[code] = instruments[0].symbol

    def _build_instrument_day(self, batch: RecordBatch, at: int) -> InstrumentDay:
        self._check_cancelled()
        record, row = batch.records[at], int(batch.rows[at])
        instrument_id, day = int(record["instrument_id"]), _to_day(record)
        raw_symbol = self._find_raw_symbol(instrument_id, day, row)
        if self._assignment.symbol:
            code = self._find_code(self._assignment.symbol)
        else:
            code = self._find_contract_code(raw_symbol, instrument_id, day)
        if raw_symbol:
            self.raw_symbols[code, instrument_id] = raw_symbol
        return InstrumentDay(code, day, int(record["publisher_id"]), instrument_id, row)

    def _find_code(self, symbol: str) -> int:
        if symbol not in self._codes:
            self._codes[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        return self._codes[symbol]

    def _find_contract_code(self, raw_symbol: str, instrument_id: int, day: date) -> int:
        instrument = self._contracts.find_series(raw_symbol, instrument_id, day)
        code = self._find_code(instrument.symbol)
        if not any(instrument is known for known in self._instruments[code]):
            self._instruments[code].append(instrument)
        if not instrument.is_settled or instrument.moved_from:
            self.unsettled_codes.add(code)
        return code

    def _find_raw_symbol(self, instrument_id: int, day: date, row: int) -> str:
        """The file's symbol of an instrument; empty for a file of one series that has none."""
        if self._assignment.by_mapping:
            return self._find_mapped_symbol(instrument_id, day, row)
        return self._assignment.vendor_symbol

    def _find_mapped_symbol(self, instrument_id: int, day: date, row: int) -> str:
        intervals = self._intervals.get(instrument_id, [])
        started = bisect_right(intervals, day, key=lambda interval: interval[0])
        symbols = sorted({symbol for _, end, symbol in intervals[:started] if day < end})
        where = f"{self._path}, row {row:,}: instrument {instrument_id}"
        if not symbols:
            raise MixedInstruments(
                f"{where} has no symbol on {day} in the file's mappings, so its series is unknown: "
                "download the file again, or give the series of the file with --symbol.",
                path=self._path,
                row=row,
            )
        if len(symbols) > 1:
            raise MixedInstruments(
                f"{where} has the symbols {' and '.join(map(to_printable, symbols))} on {day}, so its series is "
                "ambiguous: download each symbol into its own file.",
                path=self._path,
                row=row,
            )
        return symbols[0]


def _to_day(record: np.void) -> date:
    return EPOCH + timedelta(days=int(record["ts_event"]) // NANOSECONDS_PER_DAY)


def _find_instrument_days(records: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The instrument days (instrument, publisher, UTC day) of rows in time order, as three index arrays.

    Returns the first row of each run of rows of one instrument day, the first row of each instrument day, sorted, and
    the instrument day of each run. Most files repeat one for a day or more, so sorting runs instead of rows is fast.
    """
    days = records["ts_event"] // np.uint64(NANOSECONDS_PER_DAY)
    # Days are numbered from 0 in the batch, so that the number fits into 16 bits: a batch has no more days than rows.
    day = np.cumsum(np.diff(days, prepend=days[0]) != 0, dtype=np.uint64)
    instrument, publisher = (records[name].astype(np.uint64) for name in ("instrument_id", "publisher_id"))
    keys = instrument << np.uint64(32) | publisher << np.uint64(16) | day
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    _, first, day_index = np.unique(keys[starts], return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return starts, starts[first[order]], rank[day_index]
