"""The schema of a DBN file, read without the rest of its metadata."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

import databento_dbn
import zstandard

from ingestion.dbn.opening import open_regular
from ingestion.dbn.signatures import is_dbn, is_zstd

DEFINITION = "definition"

# The metadata begins in the same way in every version: "DBN", version (1 byte), length (4), dataset (16), schema (2).
_SCHEMA_START, _SCHEMA_END = 24, 26
_MAX_WINDOW_SIZE = 1 << 27


def read_schema(path: Path) -> str | None:
    """The schema that a file declares, such as "definition"; None if it is not a DBN file, if it cannot be read, or if
    it declares none (a live capture)."""
    try:
        start = _read_start(path)
    except (OSError, MemoryError, zstandard.ZstdError):
        return None
    if len(start) < _SCHEMA_END or not is_dbn(start):
        return None
    try:
        return str(databento_dbn.Schema.from_int(int.from_bytes(start[_SCHEMA_START:_SCHEMA_END], "little")))
    except databento_dbn.DBNError:
        return None


def _read_start(path: Path) -> bytes:
    with os.fdopen(open_regular(path), "rb") as file:
        start = file.read(_SCHEMA_END)
        file.seek(0)
        return _read_decompressed(file) if is_zstd(start) else start


def _read_decompressed(file: BinaryIO) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_SIZE)
    with decompressor.stream_reader(file, read_size=512, read_across_frames=True, closefd=False) as reader:
        content = b""
        while len(content) < _SCHEMA_END and (block := reader.read(_SCHEMA_END - len(content))):
            content += block
        return content
