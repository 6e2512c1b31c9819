"""Step 3: which series each record belongs to.

The accident that this step exists to prevent: several contracts under one symbol. A file is one series when somebody
says so (`--symbol`) or when its metadata maps one symbol; then two instruments may follow one another (a roll) but
never meet in a minute. Otherwise each record is filed under the symbol that the metadata gives its instrument on its
UTC day, since instrument ids are reused and change.
"""

from __future__ import annotations

import itertools
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from fnmatch import fnmatchcase

import numpy as np

from ingestion.dbn.records import Chunk, FileFacts
from ingestion.errors import InputError, MixedInstruments
from marketdata.models import Series
from marketdata.models.series import SYMBOL_MAX_LENGTH

NANOSECONDS_PER_DAY = 86_400 * 10**9
EPOCH = date(1970, 1, 1)

# Requests that stand for many instruments: without mappings nobody can tell which record is which.
_COLLECTIVE_STYPES = {"parent"}
_COLLECTIVE_SYMBOLS = {"ALL_SYMBOLS"}


@dataclass(frozen=True)
class Naming:
    """How a file's records get their symbols.

    `symbol`: the one series of the whole file, or None when each record's mapping decides. `by_mapping`: whether every
    record must have a mapping. `note`: what the user should know about the choice.
    """

    symbol: str | None
    by_mapping: bool
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Rows of a chunk that share an instrument, a publisher and a UTC day. `row` is the first one's number."""

    code: int
    day: date
    publisher_id: int
    instrument_id: int
    row: int


@dataclass(frozen=True)
class Bars:
    """Records with the series that each belongs to: `codes`, shape (n,), index `SymbolNamer.symbols`."""

    chunk: Chunk
    codes: np.ndarray
    groups: list[Group]

    def __len__(self) -> int:
        return len(self.chunk)

    def __getitem__(self, which: np.ndarray) -> Bars:
        return Bars(self.chunk[which], self.codes[which], self.groups)


class SymbolNamer:
    """Files the records of one file under series. Codes are dense and keep their meaning within the file."""

    def __init__(self, facts: FileFacts, naming: Naming) -> None:
        self._path = facts.path
        self._naming = naming
        self.symbols: list[str] = []
        self._codes: dict[str, int] = {}
        self._intervals: dict[int, list[tuple[date, date, str]]] = defaultdict(list)
        for mapped in sorted(facts.mappings, key=lambda mapped: (mapped.instrument_id, mapped.start)):
            self._intervals[mapped.instrument_id].append((mapped.start, mapped.end, mapped.symbol))

    def name(self, chunk: Chunk) -> Bars:
        """Raises `MixedInstruments` for an instrument that has no mapping on its day, or two."""
        starts, first, group_of = _distinct_groups(chunk.records)
        groups = [self._group(chunk, int(at)) for at in first]
        code_of_group = np.array([group.code for group in groups], dtype=np.int32)
        codes = np.repeat(code_of_group[group_of], np.diff(starts, append=len(chunk)))
        return Bars(chunk, codes, groups)

    def symbol_of(self, record: np.void) -> str:
        """For messages: the record's series, or its instrument's number where it has none."""
        try:
            return self._symbol(int(record["instrument_id"]), _day(record), 0)
        except MixedInstruments:
            return f"instrument {record['instrument_id']}"

    def _group(self, chunk: Chunk, at: int) -> Group:
        record, row = chunk.records[at], int(chunk.rows[at])
        instrument_id, day = int(record["instrument_id"]), _day(record)
        symbol = self._symbol(instrument_id, day, row)
        if symbol not in self._codes:
            self._codes[symbol] = len(self.symbols)
            self.symbols.append(symbol)
        return Group(self._codes[symbol], day, int(record["publisher_id"]), instrument_id, row)

    def _symbol(self, instrument_id: int, day: date, row: int) -> str:
        if self._naming.symbol and not self._naming.by_mapping:
            return self._naming.symbol
        mapped = self._mapped_symbol(instrument_id, day, row)
        return self._naming.symbol or mapped

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


def _distinct_groups(records: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where runs of equal (instrument, publisher, day) start; where each distinct group is first seen, in the file's
    order; and the group of each run. Most files repeat one group for a day or more, so only runs are sorted."""
    days = records["ts_event"] // np.uint64(NANOSECONDS_PER_DAY)
    # The rows are in time order, so days can be counted off: 16 bits are enough for as many days as a chunk has rows.
    day = np.cumsum(np.diff(days, prepend=days[0]) != 0, dtype=np.uint64)
    instrument, publisher = (records[name].astype(np.uint64) for name in ("instrument_id", "publisher_id"))
    keys = instrument << np.uint64(32) | publisher << np.uint64(16) | day
    starts = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
    _, first, group_of = np.unique(keys[starts], return_index=True, return_inverse=True)
    order = np.argsort(first)
    rank = np.empty_like(order)
    rank[order] = np.arange(len(order))
    return starts, starts[first[order]], rank[group_of]


def choose_naming(*, facts: FileFacts, requested_symbol: str, default_slug: str) -> Naming:
    """Decide from the metadata alone; `validate` verifies while streaming that it holds.

    Raises `InputError` or `MixedInstruments`.
    """
    if requested_symbol:
        _refuse_slug(requested_symbol)
        return Naming(requested_symbol, by_mapping=False)
    _refuse_overlaps(facts)
    mapped = sorted({interval.symbol for interval in facts.mappings})
    if len(mapped) > 1:
        return Naming(None, by_mapping=True)
    if len(mapped) == 1 and (len(facts.symbols) > 1 or _is_collective(facts)):
        # Only one of several is mapped today: which series a file goes to must not hang on that.
        return Naming(None, by_mapping=True)
    if len(mapped) == 1:
        return _single(facts, mapped[0], by_mapping=True)
    return _without_mappings(facts, default_slug)


def check_symbol(symbol: str) -> None:
    """Raise `InputError` for a --symbol that the table could not hold as it stands."""
    if not symbol.strip():
        raise InputError("--symbol is empty: give the series' name, such as CME_MINI:MNQ1!.")
    if len(symbol) > SYMBOL_MAX_LENGTH:
        raise InputError(f"--symbol has {len(symbol)} characters: at most {SYMBOL_MAX_LENGTH} can be stored.")
    if not symbol.isprintable():
        raise InputError(f"--symbol {symbol!r} has characters that cannot be printed: give a plain name.")


def _without_mappings(facts: FileFacts, default_slug: str) -> Naming:
    if len(facts.symbols) > 1 or _is_collective(facts):
        raise MixedInstruments(
            f"{facts.path} names {listed(facts.symbols)} but maps no instrument to a symbol, so its rows cannot be "
            "told apart: download it again, or name the whole file's series with --symbol if it is only one."
        )
    if facts.symbols:
        return _single(facts, facts.symbols[0], by_mapping=False)
    series = Series.objects.filter(slug=default_slug).first()
    if series is None:
        raise InputError(
            f"{facts.path} names no symbol, and the default series {default_slug!r} does not exist: "
            "give --symbol, or set DEFAULT_SERIES to the slug of a series."
        )
    return Naming(
        series.symbol,
        by_mapping=False,
        note=f"The file names no symbol: filed under the default series {series.symbol}.",
    )


def _is_collective(facts: FileFacts) -> bool:
    return facts.stype_in in _COLLECTIVE_STYPES or bool(_COLLECTIVE_SYMBOLS.intersection(facts.symbols))


def _refuse_slug(symbol: str) -> None:
    series = Series.objects.filter(slug=symbol).exclude(symbol=symbol).first()
    if series is not None and not Series.objects.filter(symbol=symbol).exists():
        raise InputError(f"--symbol {symbol} is the slug of {series.symbol}: use --symbol '{series.symbol}'.")


def _refuse_overlaps(facts: FileFacts) -> None:
    """A symbol that stands for two instruments on one day is not one line of bars, however seldom they trade."""
    ordered = sorted(facts.mappings, key=lambda mapped: (mapped.symbol, mapped.start))
    for one, other in itertools.pairwise(ordered):
        if one.symbol == other.symbol and other.start < one.end and one.instrument_id != other.instrument_id:
            raise MixedInstruments(
                f"{facts.path} maps {one.symbol} to instruments {one.instrument_id} and {other.instrument_id} on "
                f"{other.start}, so it is not one series: download each contract by its own symbol."
            )


def _single(facts: FileFacts, vendor_symbol: str, by_mapping: bool) -> Naming:
    series = _claiming_series(facts, vendor_symbol)
    if series is not None:
        return Naming(series.symbol, by_mapping)
    if Series.objects.filter(symbol=vendor_symbol).exists():
        return Naming(vendor_symbol, by_mapping)
    note = (
        f"No series claims {vendor_symbol}: filed under its own symbol. To file it under another series, add "
        f"{vendor_symbol} to that series' vendor symbols in the admin."
    )
    return Naming(vendor_symbol, by_mapping, note=note)


def _claiming_series(facts: FileFacts, vendor_symbol: str) -> Series | None:
    """The series that claims this symbol: by its plain name before by a pattern."""
    candidates = [series for series in Series.objects.all() if series.dataset in ("", facts.dataset)]
    named = [series for series in candidates if vendor_symbol in series.vendor_symbols]
    matched = named or [
        series for series in candidates if any(fnmatchcase(vendor_symbol, pattern) for pattern in series.vendor_symbols)
    ]
    if len(matched) > 1:
        raise MixedInstruments(
            f"{facts.path}: {vendor_symbol} is claimed by {listed([series.symbol for series in matched])}: "
            "take it out of all but one series' vendor symbols in the admin, or give --symbol."
        )
    return matched[0] if matched else None


def listed(names: list[str] | tuple[str, ...], most: int = 5) -> str:
    """The first few of many names, for a sentence."""
    more = f" and {len(names) - most:,} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
