"""Rules between rows: in any minute a series has one instrument, one publisher and one set of values.

Rows, duplicates and gaps are counted in the same pass.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np

from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.layout import NANOSECONDS_PER_DAY, NANOSECONDS_PER_MINUTE, VALUES
from ingestion.dbn.metadata import DbnMetadata
from ingestion.dbn.text import to_printable
from ingestion.errors import IngestError, InvalidBars, MixedInstruments
from ingestion.symbology.resolve import ResolvedBars, SymbolResolver
from ingestion.validation.describe import format_record_time, format_values, to_datetime
from marketdata.formatting import format_minutes

Fault = tuple[type[IngestError], str]  # the error's class, and what is wrong with a row


@dataclass
class SeriesCheck:
    """Checks the rules between rows of one file and counts its rows.

    `drop_duplicates()` is called once for each batch in file order; a minute must not be split between two batches.
    `duplicate_count`: identical repetitions. `gap_count`: ranges of missing minutes. `longest_gap`: from the bar before
    it, at `longest_gap_start`, to the bar after it. `min_ts`, `max_ts`: the first and last time (UTC), None at first.
    """

    metadata: DbnMetadata
    resolver: SymbolResolver
    row_count: int = 0
    duplicate_count: int = 0
    gap_count: int = 0
    longest_gap: timedelta = timedelta(0)
    longest_gap_start: datetime | None = None
    min_ts: datetime | None = None
    max_ts: datetime | None = None
    _first_ns: dict[int, int] = field(default_factory=dict)
    _last_ns: dict[int, int] = field(default_factory=dict)
    _last_instrument: dict[int, int] = field(default_factory=dict)
    _changes: dict[int, tuple[int, int]] = field(default_factory=dict)  # per series: UTC day, changes of instrument

    @property
    def longest_gap_note(self) -> str:
        """A sentence for the summary; empty if no minute is missing."""
        if self.longest_gap_start is None:
            return ""
        missing = self.longest_gap // timedelta(minutes=1) - 1
        start = f"{self.longest_gap_start:%Y-%m-%d %H:%M} UTC"
        return f"Longest gap: {format_minutes(missing)} after the bar of {start}."

    @property
    def time_range(self) -> tuple[datetime, datetime]:
        """`min_ts` and `max_ts` of a file that has rows."""
        if self.min_ts is None or self.max_ts is None:
            raise ValueError("no row was read")
        return self.min_ts, self.max_ts

    def drop_duplicates(self, bars: ResolvedBars) -> ResolvedBars:
        """The bars without identical repetitions, sorted by series, then time.

        Raises `MixedInstruments` for a minute of a series with two instruments or publishers, and for instruments that
        alternate within a UTC day; `InvalidBars` for a minute with two different sets of values.
        """
        self._widen_range(bars.batch.records["ts_event"])
        if (bars.codes[1:] < bars.codes[:-1]).any():  # a file of one series is in order already: no copy
            bars = bars[np.argsort(bars.codes, kind="stable")]
        codes, times = bars.codes, bars.batch.records["ts_event"]
        same = np.flatnonzero((codes[1:] == codes[:-1]) & (times[1:] == times[:-1]))
        self.row_count += len(bars)
        self.duplicate_count += len(same)
        distinct = bars
        if len(same):
            self._refuse_conflicts(bars.batch, codes, same)
            distinct = bars[np.delete(np.arange(len(bars)), same + 1)]
        self._refuse_alternation(distinct)
        self._count_gaps(distinct)
        return distinct

    def refuse_overlapping_parts(self) -> None:
        """Raise `MixedInstruments` where two instruments turn out to be one contract, but their bars overlap."""
        codes: dict[str, list[int]] = defaultdict(list)
        for code, symbol in enumerate(self.resolver.symbols):
            codes[symbol].append(code)
        for symbol, parts in codes.items():
            parts.sort(key=lambda code: self._first_ns[code])
            for one, other in pairwise(parts):
                if self._first_ns[other] <= self._last_ns[one]:
                    path = self.metadata.path
                    raise MixedInstruments(
                        f"{path} has several instruments of the contract {to_printable(symbol)} whose bars overlap at "
                        f"{to_datetime(self._first_ns[other]):%Y-%m-%d %H:%M} UTC: give the series of the file with "
                        "--symbol, or put a definition file beside it.",
                        path=path,
                        symbol=symbol,
                    )

    def _refuse_alternation(self, bars: ResolvedBars) -> None:
        """A roll changes the instrument once. Two changes in a UTC day are mixed contracts, even if they never share a
        minute."""
        instruments = bars.batch.records["instrument_id"].astype(np.int64)
        previous = np.concatenate((instruments[:1], instruments[:-1]))
        starts = np.flatnonzero(np.diff(bars.codes, prepend=-1))
        for at in starts.tolist():
            previous[at] = self._last_instrument.get(int(bars.codes[at]), instruments[at])
        for at in (np.append(starts[1:], len(instruments)) - 1).tolist():
            self._last_instrument[int(bars.codes[at])] = int(instruments[at])
        for at in np.flatnonzero(instruments != previous).tolist():
            code = int(bars.codes[at])
            day = int(bars.batch.records["ts_event"][at]) // NANOSECONDS_PER_DAY
            last_day, count = self._changes.get(code, (day, 0))
            self._changes[code] = (day, count + 1 if last_day == day else 1)
            if self._changes[code][1] > 1:
                fault = (
                    f"instruments {previous[at]} and {instruments[at]} alternate within a day, so these are several "
                    "contracts, not one series: download one contract."
                )
                raise self._build_error(MixedInstruments, bars.batch, at, code, fault)

    def _refuse_conflicts(self, batch: RecordBatch, codes: np.ndarray, same: np.ndarray) -> None:
        above, below = batch.records[same], batch.records[same + 1]
        different = [
            (above["instrument_id"] != below["instrument_id"], _describe_instruments),
            (above["publisher_id"] != below["publisher_id"], _describe_publishers),
            (np.logical_or.reduce([above[name] != below[name] for name in VALUES]), _describe_values),
        ]
        conflicts = []
        for mask, describe in different:
            rows = same[mask]
            if len(rows):
                first = rows[np.argmin(batch.rows[rows + 1])]  # sorted by series, so not in file order
                conflicts.append((int(batch.rows[first + 1]), int(first), rows, describe))
        if conflicts:
            _, at, rows, describe = min(conflicts, key=lambda conflict: conflict[0])
            kind, fault = describe(batch, at, _format_minute_count(batch, codes, rows))
            raise self._build_error(kind, batch, at + 1, int(codes[at]), fault)

    def _build_error(self, kind: type[IngestError], batch: RecordBatch, at: int, code: int, fault: str) -> IngestError:
        path, row, symbol = self.metadata.path, int(batch.rows[at]), self.resolver.symbols[code]
        where = f"{path}, row {row:,} ({format_record_time(batch.records[at])}, {to_printable(symbol)})"
        return kind(f"{where}: {fault}", path=path, row=row, symbol=symbol)

    def _count_gaps(self, bars: ResolvedBars) -> None:
        """A gap is more than a minute between neighbours of one series, also at night and on weekends."""
        times = bars.batch.records["ts_event"].astype(np.int64)
        starts = np.flatnonzero(np.diff(bars.codes, prepend=-1))
        previous = np.concatenate(([0], times[:-1]))
        for at in starts.tolist():
            previous[at] = self._last_ns.get(int(bars.codes[at]), times[at])
            self._first_ns.setdefault(int(bars.codes[at]), int(times[at]))
        for at in (np.append(starts[1:], len(times)) - 1).tolist():
            self._last_ns[int(bars.codes[at])] = int(times[at])
        lengths = times - previous
        self.gap_count += int(np.count_nonzero(lengths > NANOSECONDS_PER_MINUTE))
        longest = int(lengths.argmax())
        gap = timedelta(microseconds=int(lengths[longest]) // 1000)
        if gap > timedelta(minutes=1) and gap > self.longest_gap:
            self.longest_gap, self.longest_gap_start = gap, to_datetime(int(previous[longest]))

    def _widen_range(self, times: np.ndarray) -> None:
        self.min_ts = self.min_ts or to_datetime(int(times[0]))
        self.max_ts = to_datetime(int(times[-1]))


def _describe_instruments(batch: RecordBatch, at: int, count: str) -> Fault:
    first, second = batch.records[at], batch.records[at + 1]
    return MixedInstruments, (
        f"instruments {first['instrument_id']} (row {batch.rows[at]:,}) and {second['instrument_id']} "
        f"(row {batch.rows[at + 1]:,}) trade in the same minute ({count}), so these are several contracts, not one "
        "series: ingest a file with symbol mappings without --symbol, which stores each contract under its own "
        "symbol, or download one contract."
    )


def _describe_publishers(batch: RecordBatch, at: int, count: str) -> Fault:
    instrument = batch.records["instrument_id"][at]
    ids = np.unique(batch.records["publisher_id"][batch.records["instrument_id"] == instrument])
    return MixedInstruments, (
        f"instrument {instrument} has this minute from several publishers "
        f"({', '.join(map(str, ids))}; {count}): choose one with --publisher {ids[0]}."
    )


def _describe_values(batch: RecordBatch, at: int, count: str) -> Fault:
    first, second = batch.records[at], batch.records[at + 1]
    names = [name for name in VALUES if first[name] != second[name]]
    return InvalidBars, (
        "the minute occurs twice with different values "
        f"(row {batch.rows[at]:,}: {format_values(first, names)}; row {batch.rows[at + 1]:,}: "
        f"{format_values(second, names)}; {count}), and the file does not show which are correct: "
        "download the file again."
    )


def _format_minute_count(batch: RecordBatch, codes: np.ndarray, rows: np.ndarray) -> str:
    """How many minutes `rows` belong to. Rows of one minute are neighbours; later batches are not counted."""
    times, codes = batch.records["ts_event"][rows], codes[rows]
    count = 1 + np.count_nonzero((times[1:] != times[:-1]) | (codes[1:] != codes[:-1]))
    return f"{count:,} such {'minute' if count == 1 else 'minutes'} up to row {batch.rows.max():,}"


def refuse_empty(path: Path, check: SeriesCheck, publisher_id: int | None) -> None:
    """Raise `InvalidBars` if the file has no rows, or none of the publisher."""
    if check.row_count:
        return
    if publisher_id is not None:
        raise InvalidBars(f"{path} has no rows of publisher {publisher_id}: check the number.", path=path)
    raise InvalidBars(
        f"{path} has no rows: the file is complete, but nothing traded in its range, or the download failed; "
        "check its dates and symbols.",
        path=path,
    )
