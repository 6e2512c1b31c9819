"""Rules between rows of one series: one instrument and one publisher in any minute, and one set of values for it.

The rows are counted on the way: duplicates and gaps.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from ingestion.dbn.batches import RecordBatch
from ingestion.dbn.layout import NANOSECONDS_PER_DAY, NANOSECONDS_PER_MINUTE, VALUES
from ingestion.dbn.metadata import DbnMetadata
from ingestion.errors import IngestError, InvalidBars, MixedInstruments
from ingestion.symbology.resolve import ResolvedBars, SymbolResolver
from ingestion.validation.describe import format_record_time, format_values, to_datetime
from marketdata.formatting import format_minutes


@dataclass
class SeriesCheck:
    """The rules between rows, and what is counted on the way. `distinct()` is called for each chunk in turn, which
    must hold whole minutes."""

    metadata: DbnMetadata
    resolver: SymbolResolver
    row_count: int = 0
    duplicate_count: int = 0
    gap_count: int = 0
    longest_gap: timedelta = timedelta(0)
    longest_gap_start: datetime | None = None
    min_ts: datetime | None = None
    max_ts: datetime | None = None
    _last_ns: dict[int, int] = field(default_factory=dict)
    _last_instrument: dict[int, int] = field(default_factory=dict)
    _takeovers: dict[int, tuple[int, int]] = field(default_factory=dict)  # of a series: the day, and how often

    @property
    def describe_longest_gap(self) -> str:
        """A sentence for the summary; empty where no minute is missing."""
        if self.longest_gap_start is None:
            return ""
        missing = self.longest_gap // timedelta(minutes=1) - 1
        start = f"{self.longest_gap_start:%Y-%m-%d %H:%M} UTC"
        return f"Longest gap: {format_minutes(missing)} after the bar of {start}."

    def distinct(self, bars: ResolvedBars) -> ResolvedBars:
        """The bars without repetitions, sorted by series, then time.

        Raises `MixedInstruments` where two instruments or publishers meet in one minute of a series, and `InvalidBars`
        where one minute has two different sets of values.
        """
        self._widen_range(bars.batch.records["ts_event"])
        if (bars.codes[1:] < bars.codes[:-1]).any():  # not of a file of one series: nothing is copied for it
            bars = bars[np.argsort(bars.codes, kind="stable")]
        codes, times = bars.codes, bars.batch.records["ts_event"]
        same = np.flatnonzero((codes[1:] == codes[:-1]) & (times[1:] == times[:-1]))
        self.row_count += len(bars)
        self.duplicate_count += len(same)
        kept = bars
        if len(same):
            self._refuse_conflicts(bars.batch, codes, same)
            kept = bars[np.delete(np.arange(len(bars)), same + 1)]
        self._refuse_alternation(kept)
        self._count_gaps(kept)
        return kept

    def _refuse_alternation(self, bars: ResolvedBars) -> None:
        """A roll happens once. Where one instrument takes over from another twice in a UTC day, contracts are mixed,
        though they never meet in a minute."""
        instruments = bars.batch.records["instrument_id"].astype(np.int64)
        previous = np.concatenate((instruments[:1], instruments[:-1]))
        starts = np.flatnonzero(np.diff(bars.codes, prepend=-1))
        for at in starts:
            previous[at] = self._last_instrument.get(int(bars.codes[at]), instruments[at])
        for at in np.append(starts[1:], len(instruments)) - 1:
            self._last_instrument[int(bars.codes[at])] = int(instruments[at])
        for at in np.flatnonzero(instruments != previous):
            code = int(bars.codes[at])
            day = int(bars.batch.records["ts_event"][at]) // NANOSECONDS_PER_DAY
            before, count = self._takeovers.get(code, (day, 0))
            self._takeovers[code] = (day, count + 1 if before == day else 1)
            if self._takeovers[code][1] > 1:
                raise MixedInstruments(
                    f"{self.metadata.path}, row {bars.batch.rows[at]:,} ({format_record_time(bars.batch.records[at])}, "
                    f"{self.resolver.symbols[code]}): instruments {previous[at]} and {instruments[at]} take turns "
                    "within a day, so these are several contracts and not one series: download one contract."
                )

    def _refuse_conflicts(self, batch: RecordBatch, codes: np.ndarray, same: np.ndarray) -> None:
        above, below = batch.records[same], batch.records[same + 1]
        different = [
            (above["instrument_id"] != below["instrument_id"], self._two_instruments),
            (above["publisher_id"] != below["publisher_id"], self._two_publishers),
            (np.logical_or.reduce([above[name] != below[name] for name in VALUES]), self._two_values),
        ]
        offences = []
        for mask, refuse in different:
            rows = same[mask]
            if len(rows):
                first = rows[np.argmin(batch.rows[rows + 1])]  # the rows are sorted by series, not as in the file
                offences.append((int(batch.rows[first + 1]), int(first), rows, refuse))
        if offences:
            _, at, rows, refuse = min(offences, key=lambda offence: offence[0])
            raise refuse(batch, at, self.resolver.symbols[codes[at]], _minutes_like_this(batch, codes, rows))

    def _two_instruments(self, batch: RecordBatch, at: int, symbol: str, count: str) -> IngestError:
        first, second = batch.records[at], batch.records[at + 1]
        return MixedInstruments(
            f"{self._where(batch, at, symbol)}: instruments {first['instrument_id']} (row {batch.rows[at]:,}) and "
            f"{second['instrument_id']} (row {batch.rows[at + 1]:,}) trade in the same minute ({count}), so these are "
            "several contracts and not one series: ingest a file with symbol mappings, without --symbol, to have each "
            "filed under its own, or download one contract."
        )

    def _two_publishers(self, batch: RecordBatch, at: int, symbol: str, count: str) -> IngestError:
        instrument = batch.records["instrument_id"][at]
        ids = np.unique(batch.records["publisher_id"][batch.records["instrument_id"] == instrument])
        return MixedInstruments(
            f"{self._where(batch, at, symbol)}: instrument {instrument} has this minute from several publishers "
            f"({', '.join(map(str, ids))}; {count}): choose one with --publisher {ids[0]}."
        )

    def _two_values(self, batch: RecordBatch, at: int, symbol: str, count: str) -> IngestError:
        first, second = batch.records[at], batch.records[at + 1]
        names = [name for name in VALUES if first[name] != second[name]]
        return InvalidBars(
            f"{self._where(batch, at, symbol)}: the minute stands twice with different values "
            f"(row {batch.rows[at]:,}: {format_values(first, names)}; row {batch.rows[at + 1]:,}: "
            f"{format_values(second, names)}; {count}), and which is true cannot be known: download the file again."
        )

    def _where(self, batch: RecordBatch, at: int, symbol: str) -> str:
        return f"{self.metadata.path}, row {batch.rows[at + 1]:,} ({format_record_time(batch.records[at])}, {symbol})"

    def _count_gaps(self, bars: ResolvedBars) -> None:
        """More than a minute between neighbours of one series. Nights and weekends count too: no calendar is asked."""
        times = bars.batch.records["ts_event"].astype(np.int64)
        starts = np.flatnonzero(np.diff(bars.codes, prepend=-1))
        previous = np.concatenate(([0], times[:-1]))
        for at in starts:
            previous[at] = self._last_ns.get(int(bars.codes[at]), times[at])
        for at in np.append(starts[1:], len(times)) - 1:
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


def _minutes_like_this(batch: RecordBatch, codes: np.ndarray, rows: np.ndarray) -> str:
    """How many minutes of a series `rows` belong to, rows of one minute being neighbours, and how far was looked."""
    times, codes = batch.records["ts_event"][rows], codes[rows]
    count = 1 + np.count_nonzero((times[1:] != times[:-1]) | (codes[1:] != codes[:-1]))
    return f"{count:,} such {'minute' if count == 1 else 'minutes'} up to row {batch.rows.max():,}"


def refuse_empty(path: Path, check: SeriesCheck, publisher_id: int | None) -> None:
    """Raise `InvalidBars` if no row was checked."""
    if check.row_count:
        return
    if publisher_id is not None:
        raise InvalidBars(f"{path} has no rows of publisher {publisher_id}: check the number.")
    raise InvalidBars(
        f"{path} has no rows: it is a whole file, but nothing traded in its range, or the download went wrong."
    )
