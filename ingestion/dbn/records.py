"""Step 2: the records of a DBN stream, in chunks of DBN's own layout, in memory that does not grow with the file.

Layout: https://databento.com/docs/standards-and-conventions/databento-binary-encoding. An OHLCV record is 56 bytes in
DBN versions 1, 2 and 3, and 64 with a `ts_out` behind it. Prices stay int64 counts of 1e-9.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import databento_dbn
import numpy as np

from ingestion.dbn.source import SourceFile, refuse_unless_dbn
from ingestion.errors import InvalidBars, UnreadableFile, WrongContent

SCHEMA = "ohlcv-1m"
RTYPE_OHLCV_1M = 0x21
UNDEFINED_TIME = np.uint64(2**64 - 1)
CHUNK_RECORDS = 1 << 16
MOST_IN_A_MINUTE = 1 << 19  # rows that are looked at together: all of OPRA trades fewer instruments in a minute

_PRELUDE = 8  # "DBN", the version, and the length of the metadata that follows
_MAX_METADATA = 1 << 28
_RTYPE_NAMES = {
    0x00: "trades",
    0x01: "mbp-1",
    0x0A: "mbp-10",
    0x12: "status",
    0x13: "definition",
    0x14: "imbalance",
    0x15: "error",
    0x16: "symbol mapping",
    0x17: "system",
    0x18: "statistics",
    0x20: "ohlcv-1s",
    0x21: "ohlcv-1m",
    0x22: "ohlcv-1h",
    0x23: "ohlcv-1d",
    0x24: "ohlcv-eod",
    0xA0: "mbo",
}

_OHLCV = [
    ("length", "u1"),  # of the record, in units of 4 bytes
    ("rtype", "u1"),
    ("publisher_id", "<u2"),
    ("instrument_id", "<u4"),
    ("ts_event", "<u8"),  # nanoseconds since 1970 UTC: the start of the minute
    ("open", "<i8"),
    ("high", "<i8"),
    ("low", "<i8"),
    ("close", "<i8"),
    ("volume", "<u8"),
]
OHLCV = np.dtype(_OHLCV)
OHLCV_WITH_TS_OUT = np.dtype([*_OHLCV, ("ts_out", "<u8")])


@dataclass(frozen=True)
class MappedInterval:
    """`symbol` is `instrument_id` from `start` to the day before `end` (UTC dates, half-open)."""

    symbol: str
    instrument_id: int
    start: date
    end: date


@dataclass(frozen=True)
class FileFacts:
    """What a file's metadata says of it. `start` and `end` are nanoseconds since 1970 UTC, None where unsaid."""

    path: Path
    dbn_version: int
    dataset: str
    symbols: tuple[str, ...]
    stype_in: str | None
    mappings: tuple[MappedInterval, ...]
    start: int | None
    end: int | None
    record: np.dtype
    limit: int | None = None  # of the request: how many records at most were asked for
    not_found: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chunk:
    """Some rows of a file, in its order: shape (n,) of `FileFacts.record`, and their row numbers, the first being 1."""

    records: np.ndarray
    rows: np.ndarray

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, which: slice | np.ndarray) -> Chunk:
        return Chunk(self.records[which], self.rows[which])


class RecordReader:
    """The metadata of an open file, then its records. Faults are `UnreadableFile` or `WrongContent`."""

    def __init__(self, source: SourceFile) -> None:
        self._path = source.path
        self._blocks = source.read_blocks()
        self._buffer = bytearray()
        self.facts = self._read_metadata()

    def chunks(self, records: int = CHUNK_RECORDS) -> Iterator[Chunk]:
        """The file's rows in order, at most `records` at a time, every one known to be an ohlcv-1m record."""
        size = self.facts.record.itemsize
        row = 0
        while self._fill(records * size):
            whole = min(len(self._buffer) // size, records)
            if not whole:
                self._refuse_partial_record(row, size)
            content = bytes(memoryview(self._buffer)[: whole * size])
            del self._buffer[: whole * size]
            chunk = Chunk(np.frombuffer(content, dtype=self.facts.record), np.arange(row + 1, row + whole + 1))
            self._refuse_foreign_records(chunk)
            row += whole
            yield chunk

    def _fill(self, size: int) -> int:
        """Buffer up to `size` bytes, or what is left of the file; return how many there are."""
        while len(self._buffer) < size and (block := next(self._blocks, None)):
            self._buffer += block
        return len(self._buffer)

    def _read_metadata(self) -> FileFacts:
        self._fill(_PRELUDE)
        refuse_unless_dbn(bytes(self._buffer[:_PRELUDE]), self._path)
        version = self._buffer[3] if len(self._buffer) > 3 else 0
        if version > databento_dbn.DBN_VERSION:
            raise UnreadableFile(
                f"{self._path} is DBN version {version}, newer than the installed databento reads "
                f"(up to {databento_dbn.DBN_VERSION}): install a newer databento, or download with an older version."
            )
        length = int.from_bytes(self._buffer[4:_PRELUDE], "little")
        if version == 0 or length > _MAX_METADATA:
            raise UnreadableFile(f"{self._path} is damaged: its metadata cannot be read; download it again.")
        end = _PRELUDE + length
        if self._fill(end) < end:
            raise UnreadableFile(
                f"{self._path} is cut off: it ends within its metadata, before the first record; download it again."
            )
        facts = _facts(self._path, version, bytes(self._buffer[:end]))
        del self._buffer[:end]
        return facts

    def _refuse_foreign_records(self, chunk: Chunk) -> None:
        words = self.facts.record.itemsize // 4
        wrong = np.flatnonzero((chunk.records["length"] != words) | (chunk.records["rtype"] != RTYPE_OHLCV_1M))
        if not len(wrong):
            return
        first = chunk.records[wrong[0]]
        where = f"{self._path}, row {chunk.rows[wrong[0]]:,}"
        rtype = int(first["rtype"])
        if rtype != RTYPE_OHLCV_1M and rtype in _RTYPE_NAMES and first["length"]:
            raise WrongContent(
                f"{where}, is a record of {_RTYPE_NAMES[rtype]} (rtype 0x{rtype:02x}), though the metadata says "
                f"{SCHEMA}: only files of minute bars alone can be ingested; download schema {SCHEMA} by itself."
            )
        raise UnreadableFile(
            f"{where}, is not a record of {SCHEMA} ({int(first['length']) * 4} bytes of rtype 0x{rtype:02x}, where "
            f"{words * 4} of rtype 0x{RTYPE_OHLCV_1M:02x} are due): the file is damaged; download it again."
        )

    def _refuse_partial_record(self, row: int, size: int) -> None:
        raise UnreadableFile(
            f"{self._path} is cut off: row {row + 1:,} has only {len(self._buffer)} of its {size} bytes; "
            "download it again."
        )


def _facts(path: Path, version: int, encoded: bytes) -> FileFacts:
    try:
        metadata = databento_dbn.Metadata.decode(encoded)
    except databento_dbn.DBNError as error:
        raise UnreadableFile(f"{path} is damaged: its metadata cannot be read ({error}); download it again.") from error
    schema = metadata.schema
    if schema is None:
        raise WrongContent(
            f"{path} is a live capture, which may mix schemas and says nothing of its range: "
            f"download the historical {SCHEMA} data instead."
        )
    if str(schema) != SCHEMA:
        raise WrongContent(f"{path} holds {schema}, not {SCHEMA}: download schema {SCHEMA}.")
    return FileFacts(
        path=path,
        dbn_version=version,
        dataset=metadata.dataset,
        symbols=tuple(metadata.symbols),
        stype_in=str(metadata.stype_in) if metadata.stype_in is not None else None,
        mappings=tuple(_mappings(path, metadata)),
        start=_defined_time(metadata.start),
        end=_defined_time(metadata.end),
        record=OHLCV_WITH_TS_OUT if metadata.ts_out else OHLCV,
        limit=metadata.limit,
        not_found=tuple(metadata.not_found),
    )


def _mappings(path: Path, metadata: databento_dbn.Metadata) -> Iterator[MappedInterval]:
    for key, intervals in metadata.mappings.items():
        for interval in intervals:
            if not interval["symbol"]:
                continue  # a stretch of days in which the symbol meant nothing
            symbol, instrument_id = key, interval["symbol"]
            if str(metadata.stype_in) == "instrument_id":
                symbol, instrument_id = instrument_id, symbol
            if not instrument_id.isdecimal():
                raise UnreadableFile(
                    f"{path} maps {symbol!r} to {instrument_id!r}, which is not an instrument_id: "
                    "download it with stype_out=instrument_id."
                )
            yield MappedInterval(symbol, int(instrument_id), interval["start_date"], interval["end_date"])


def _defined_time(nanoseconds: int | None) -> int | None:
    return nanoseconds if nanoseconds and nanoseconds != int(UNDEFINED_TIME) else None


def of_publisher(chunks: Iterator[Chunk], publisher_id: int) -> Iterator[Chunk]:
    """Only the rows of one publisher."""
    for chunk in chunks:
        yield chunk[chunk.records["publisher_id"] == publisher_id]


def first_rows(chunks: Iterator[Chunk], limit: int) -> Iterator[Chunk]:
    """Only the first `limit` rows. What lies behind them is decoded all the same: a damaged file is refused."""
    for chunk in chunks:
        if limit > 0:
            yield chunk[:limit]
        limit -= len(chunk)


def whole_minutes(chunks: Iterator[Chunk], path: Path) -> Iterator[Chunk]:
    """The same rows, cut between minutes: all rows of a minute come together, as long as time does not run back.

    Raises `InvalidBars` for more rows of one minute than memory should hold.
    """
    held: list[Chunk] = []  # rows of one minute, which may go on
    for chunk in chunks:
        if not len(chunk):
            continue
        times = chunk.records["ts_event"]
        others = np.flatnonzero(times != times[-1])
        cut = others[-1] + 1 if len(others) else 0
        if cut or (held and held[0].records["ts_event"][0] != times[0]):
            yield _joined([*held, chunk[:cut]])
            held = []
        held.append(chunk[cut:])
        _refuse_crowd(held, path)
    if held:
        yield _joined(held)


def _joined(chunks: list[Chunk]) -> Chunk:
    if len(chunks) == 1:
        return chunks[0]
    return Chunk(np.concatenate([one.records for one in chunks]), np.concatenate([one.rows for one in chunks]))


def _refuse_crowd(minute: list[Chunk], path: Path) -> None:
    if sum(map(len, minute)) > MOST_IN_A_MINUTE:
        raise InvalidBars(
            f"{path}, row {minute[0].rows[0]:,}: this minute has more than {MOST_IN_A_MINUTE:,} rows, which no market "
            "fills: download fewer symbols into a file, or the file again."
        )
