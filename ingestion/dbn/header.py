"""Checks the lengths and counts of a file's metadata before the vendor's library decodes it.

That library trusts them: one that is too small ends in a panic, and many symbols of one byte need gigabytes. The layout
is that of https://databento.com/docs/standards-and-conventions/databento-binary-encoding: a fixed part, the lists of
symbols, then the mappings, each with its intervals.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from ingestion.errors import UnreadableFile

PREFIX_SIZE = 8  # bytes: "DBN", the version, and the length of the metadata that follows
MAX_SIZE = 1 << 28  # bytes; a request for all symbols of the largest dataset has 231 MB
# A request names up to 2,000 symbols. Files merged from several requests have more.
MAX_SYMBOLS = 100_000
MAX_MAPPINGS = 4_000_000  # twice the instruments of the largest dataset
MAX_INTERVALS = 100_000  # of one symbol, each a day or more

# Symbols are mostly padding, so that zstd compresses real metadata to a thirtieth at most.
_MAX_RATIO = 200
_MAX_SMALL = 1 << 20  # bytes that any file may have

_FIXED_SIZE = 100
_SYMBOL_SIZE_AT = PREFIX_SIZE + 45
_SYMBOL_SIZE_OF_VERSION_1 = 22
_SYMBOL_SIZES = (22, 71)  # bytes, with at least one NUL at the end
_LISTS = ("symbols", "symbols that are mapped on some dates only", "symbols that were not found")
_DATES_SIZE = 8  # bytes of an interval's start and end
_COUNT = struct.Struct("<I")


def check_length(path: Path, length: int, file_size: int) -> None:
    """Raise `UnreadableFile` for metadata of `length` bytes that a file of `file_size` bytes on disk cannot have."""
    if length < _FIXED_SIZE + _COUNT.size:
        raise _build_error(path, f"it states {length} bytes of metadata, fewer than any file has")
    if length > MAX_SIZE or length > max(_MAX_SMALL, file_size * _MAX_RATIO):
        raise _build_error(path, f"it states {length:,} bytes of metadata, more than a file of its size can have")


def check_header(path: Path, encoded: bytes) -> None:
    """Raise `UnreadableFile` unless the lengths and counts of the metadata agree with its bytes, and with a request.

    `encoded`: the bytes of `path` from "DBN" to the first record.
    """
    _Header(path, encoded).check()


def check_start(path: Path, blocks: Iterator[bytes], file_size: int) -> Iterator[bytes]:
    """The same bytes, once the metadata at their start is checked. Raises `UnreadableFile` as the checks do."""
    start = bytearray()
    for block in blocks:
        start += block
        if len(start) < PREFIX_SIZE:
            continue
        length = int.from_bytes(start[4:PREFIX_SIZE], "little")
        check_length(path, length, file_size)
        if len(start) >= PREFIX_SIZE + length:
            check_header(path, bytes(start[: PREFIX_SIZE + length]))
            break
    yield bytes(start)
    yield from blocks


class _Header:
    def __init__(self, path: Path, encoded: bytes) -> None:
        self._path, self._encoded = path, encoded
        self._at = PREFIX_SIZE + _FIXED_SIZE

    def check(self) -> None:
        size = self._read_symbol_size()
        self._read_count("bytes of a schema's definition", 1, maximum=0)
        for name in _LISTS:
            self._skip_items(name, size, maximum=MAX_SYMBOLS)
        for _ in range(self._read_count("mapped symbols", size + _COUNT.size, maximum=MAX_MAPPINGS)):
            self._at += size
            self._skip_items("dates of a symbol", _DATES_SIZE + size, maximum=MAX_INTERVALS)

    def _skip_items(self, name: str, item_size: int, *, maximum: int) -> None:
        count = self._read_count(name, item_size, maximum=maximum)
        self._at += count * item_size

    def _read_symbol_size(self) -> int:
        if self._encoded[3] == 1:
            return _SYMBOL_SIZE_OF_VERSION_1
        size = int.from_bytes(self._encoded[_SYMBOL_SIZE_AT : _SYMBOL_SIZE_AT + 2], "little")
        if size not in _SYMBOL_SIZES:
            raise _build_error(
                self._path,
                f"it states that symbols have {size:,} bytes, but they have {' or '.join(map(str, _SYMBOL_SIZES))}",
            )
        return size

    def _read_count(self, name: str, item_size: int, *, maximum: int) -> int:
        """The count at the current place, which is moved to the first of the items."""
        rest = len(self._encoded) - self._at - _COUNT.size
        if rest < 0:
            raise _build_error(self._path, f"it ends where the number of {name} should be")
        (count,) = _COUNT.unpack_from(self._encoded, self._at)
        self._at += _COUNT.size
        if count > maximum:
            raise _build_error(self._path, f"it states {count:,} {name}, but no file has more than {maximum:,}")
        if count * item_size > rest:
            raise _build_error(self._path, f"it states {count:,} {name}, but has bytes for {rest // item_size:,}")
        return int(count)


def _build_error(path: Path, fault: str) -> UnreadableFile:
    return UnreadableFile(f"{path} is damaged: its metadata cannot be read ({fault}); download it again.", path=path)
