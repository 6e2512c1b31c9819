"""Decodes a DBN file of minute bars in plain Python, slowly: no numpy, and not the vendor's library."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import zstandard

_OHLCV = struct.Struct("<BBHIQqqqqQ")
_INTERVAL = struct.Struct("<II")
_DAY_NS = 86_400 * 10**9
_EPOCH_ORDINAL = 719_163  # of 1 January 1970

Bars = dict[tuple[str, int], tuple[int, ...]]


@dataclass(frozen=True)
class Claim:
    """The series that claims a symbol of a dataset."""

    dataset: str
    symbol: str
    series: str


@dataclass
class _Text:
    """The bytes of the metadata, read from front to back."""

    content: bytes
    symbol_size: int
    at: int = 0

    def read_count(self) -> int:
        self.at += 4
        return int.from_bytes(self.content[self.at - 4 : self.at], "little")

    def read_symbol(self) -> str:
        self.at += self.symbol_size
        return self.content[self.at - self.symbol_size : self.at].rstrip(b"\0").decode()


def decode_bars(content: bytes, *, claim: Claim, series: str = "") -> Bars:
    """The bars of a valid file: series and time (nanoseconds) to open, high, low, close (units of 1e-9) and volume.

    `series`: the one that all bars belong to; else each belongs to the symbol that the file maps its instrument to, or
    to the only one that the file requests. A file of no symbol, or of the claimed one alone, has the series of `claim`.
    """
    content = _decompress(content)
    length = int.from_bytes(content[4:8], "little")
    version, metadata, records = content[3], content[8 : 8 + length], content[8 + length :]
    stype_in, ts_out = (metadata[42], metadata[44]) if version > 1 else (metadata[50], metadata[52])
    size = 22 if version == 1 else int.from_bytes(metadata[45:47], "little") or 22
    text = _Text(metadata, size, at=104)
    symbols, mapped = _read_symbols(text, by_id=stype_in == 0)
    names = {symbol for intervals in mapped.values() for _, _, symbol in intervals}
    dataset = metadata[:16].rstrip(b"\0").decode()
    is_single = dataset == claim.dataset and len(names) < 2 and len(symbols) < 2 and not series
    bars: Bars = {}
    for row in _read_records(records, 64 if ts_out else 56):
        _, _, _, instrument, time, *values = row
        name = series or _find_symbol(mapped, instrument, time // _DAY_NS) or [*symbols, claim.series][0]
        name = claim.series if is_single and name == claim.symbol else name
        bars[name, time] = tuple(values)
    return bars


def _decompress(content: bytes) -> bytes:
    if content.startswith(b"DBN"):
        return content
    with zstandard.ZstdDecompressor(max_window_size=1 << 27).stream_reader(
        io.BytesIO(content), read_across_frames=True
    ) as reader:
        return reader.read()


def _read_symbols(text: _Text, *, by_id: bool) -> tuple[list[str], dict[int, list[tuple[int, int, str]]]]:
    """The requested symbols; and for each instrument the days, counted from 1970, on which it has a symbol."""
    lists = [[text.read_symbol() for _ in range(text.read_count())] for _ in range(3)]
    mapped: dict[int, list[tuple[int, int, str]]] = {}
    for _ in range(text.read_count()):
        symbol = text.read_symbol()
        for _ in range(text.read_count()):
            start, end = _INTERVAL.unpack_from(text.content, text.at)
            text.at += _INTERVAL.size
            other = text.read_symbol()
            if other:
                name, number = (other, symbol) if by_id else (symbol, other)
                mapped.setdefault(int(number), []).append((_to_day(start), _to_day(end), name))
    return lists[0], mapped


def _to_day(number: int) -> int:

    return date(number // 10_000, number // 100 % 100, number % 100).toordinal() - _EPOCH_ORDINAL


def _read_records(content: bytes, size: int) -> Iterator[tuple[int, ...]]:
    for at in range(0, len(content), size):
        yield _OHLCV.unpack_from(content, at)


def _find_symbol(mapped: dict[int, list[tuple[int, int, str]]], instrument: int, day: int) -> str | None:
    return next((symbol for start, end, symbol in mapped.get(instrument, ()) if start <= day < end), None)
