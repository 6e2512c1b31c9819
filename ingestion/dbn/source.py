"""Reads a file's bytes: hashed as they are read, decompressed, and checked to be complete.

A truncated file must never pass for a shorter complete one, as it does in a reader that stops at a cut frame.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from ingestion.dbn.beside.manifest import read_manifest_entry
from ingestion.dbn.folders import list_folder
from ingestion.dbn.layout import SCHEMA
from ingestion.dbn.opening import NotRegularFile, open_regular
from ingestion.dbn.schema import DEFINITION, read_schema
from ingestion.dbn.signatures import MAGIC_SIZE, is_dbn, is_zstd, refuse_foreign_format
from ingestion.dbn.text import to_printable
from ingestion.errors import UnfinishedFile, UnreadableFile

_READ_SIZE = 8 * 1024
# Four bytes of zstd can expand to 128 kB: small steps bound the memory that a hostile file can use.
_DECOMPRESS_SIZE = 512
_MAX_WINDOW_SIZE = 1 << 27


class SourceFile:
    """One open file. `read_blocks()` yields its decompressed bytes once; `sha256` and `size` are of the file on disk.

    `check_cancelled` is called before each block, in the thread that reads. What it raises ends the reading: whatever
    the file contains, it can be interrupted. Raises `UnreadableFile` for every fault of the file.
    """

    def __init__(self, path: Path, check_cancelled: Callable[[], None] = lambda: None) -> None:
        self.path, self.check_cancelled = path, check_cancelled
        self._hash = hashlib.sha256()
        self.bytes_read = 0
        try:
            descriptor = open_regular(path)
        except OSError as error:
            raise UnreadableFile(_describe_open_error(path, error), path=path) from error
        try:
            self._stat = os.fstat(descriptor)
            self.size = self._stat.st_size
            self.manifest = read_manifest_entry(path)
        except BaseException:
            os.close(descriptor)
            raise
        self._file: BinaryIO = os.fdopen(descriptor, "rb", buffering=0)

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> SourceFile:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    @property
    def sha256(self) -> str:
        """Of the bytes read so far; of the complete file after `read_to_end()`."""
        return self._hash.hexdigest()

    def read_blocks(self) -> Iterator[bytes]:
        """The content of the file, decompressed if it is zstd, in small blocks. Its name does not matter."""
        first = self._read()
        refuse_foreign_format(first, self.path)  # what the file is explains its size
        if self.manifest and self.manifest.size != self.size:
            fault = "the download is incomplete" if self.size < self.manifest.size else "it is not the delivered file"
            raise UnreadableFile(
                f"{self.path} has {self.size:,} bytes, but {self.manifest.path} lists "
                f"{self.manifest.size:,}: {fault}; download it again.",
                path=self.path,
            )
        if not first:
            raise UnreadableFile(f"{self.path} is empty (0 bytes): download it again.", path=self.path)
        blocks = self._read_raw_blocks(first)
        return self._decompress(blocks) if is_zstd(first) else blocks

    def read_to_end(self) -> None:
        """Read the rest of the file, so that `sha256` is that of the complete file."""
        while self._read():
            pass

    def finish(self) -> None:
        """Read to the end. Raises `UnreadableFile` for a file that changed meanwhile, or differs from the manifest."""
        self.read_to_end()
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._stat.st_size, self._stat.st_mtime_ns):
            raise UnfinishedFile(
                f"{self.path} was being written while it was read: "
                "run the command again when the download is complete.",
                path=self.path,
            )
        if self.manifest and self.manifest.sha256 != self.sha256:
            raise UnreadableFile(
                f"{self.path} has the SHA-256 {self.sha256[:12]}…, but {self.manifest.path} lists "
                f"sha256:{to_printable(self.manifest.sha256[:12])}…: it is damaged; download it again.",
                path=self.path,
            )

    def _read(self) -> bytes:
        self.check_cancelled()
        try:
            block = self._file.read(_READ_SIZE)
        except OSError as error:
            raise UnreadableFile(
                f"{self.path} could not be read after {self.bytes_read:,} bytes ({error.strerror}): "
                "check the disk or the network drive, then run the command again.",
                path=self.path,
            ) from error
        self._hash.update(block)
        self.bytes_read += len(block)
        return block

    def _read_raw_blocks(self, first: bytes) -> Iterator[bytes]:
        block = first
        while block:
            yield block
            block = self._read()

    def _decompress(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """The content of all frames of a zstd file. Only the end mark of a frame ends it, never the end of the file.

        DBN that is not compressed may follow the frames, in parts that were joined: it is content too, for the reader
        of the records to refuse with its row.
        """
        decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW_SIZE)
        frame = None
        rest = b""
        try:
            for block in blocks:
                for start in range(0, len(block), _DECOMPRESS_SIZE):
                    self.check_cancelled()
                    rest += block[start : start + _DECOMPRESS_SIZE]
                    while rest:
                        if frame is None and is_dbn(rest):
                            yield rest + block[start + _DECOMPRESS_SIZE :]
                            yield from blocks
                            return
                        if frame is None and len(rest) < MAGIC_SIZE:
                            break
                        frame = frame or decompressor.decompressobj()
                        content = frame.decompress(rest)
                        rest = b""
                        if frame.eof:
                            rest, frame = frame.unused_data, None
                        if content:
                            yield content
        except zstandard.ZstdError as error:
            raise UnreadableFile(self._describe_zstd_error(error), path=self.path) from error
        if frame is not None or rest:
            raise UnreadableFile(
                f"{self.path} is cut off: it ends after {self.bytes_read:,} bytes in the middle of its compressed "
                "data; download it again.",
                path=self.path,
            )

    def _describe_zstd_error(self, error: zstandard.ZstdError) -> str:
        reason = _format_reason(error)
        if "too much memory" in reason:
            return (
                f"{self.path} is compressed with a window of more than {_MAX_WINDOW_SIZE >> 20} MB: decompress it with "
                "`zstd -d --long=31` and ingest the result."
            )
        if "Dictionary mismatch" in reason:
            return (
                f"{self.path} is compressed with a zstd dictionary: decompress it with `zstd -d -D DICTIONARY` and "
                "ingest the result."
            )
        return (
            f"{self.path} is damaged: its compressed data cannot be read near byte {self.bytes_read:,} of "
            f"{self.size:,} ({reason}); download it again."
        )


def _describe_open_error(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        if path.is_symlink():
            return f"{path} is a link to {path.readlink()}, which does not exist: {_advise_on_target(path.readlink())}."
        return f"{path} does not exist: check the path."
    if isinstance(error, PermissionError):
        return f"{path} may not be read by this user: change its permissions (chmod +r)."
    if isinstance(error, NotRegularFile):
        return _describe_non_file(path)
    return f"{path} cannot be opened ({error.strerror}): check the path."


def _advise_on_target(target: Path) -> str:
    if ".git/annex/objects" in str(target):
        return "download it with `git annex get`"
    return "mount its disk, or correct the link"


def _describe_non_file(path: Path) -> str:
    if not path.is_dir():
        return f"{path} is not a regular file: give a .dbn or .dbn.zst file."
    content = list_folder(path)
    if path in content.unreadable:
        return f"{path} is a folder that cannot be listed: check its permissions, the disk or the network drive."
    if content.files and all(read_schema(file) == DEFINITION for file in content.files):
        return (
            f"{path} is a folder with definition files alone, and they contain no bars: download schema {SCHEMA} into "
            "it, or check the path."
        )
    return f"{path} is a folder without .dbn or .dbn.zst files: download some into it, or check the path."


def _format_reason(error: zstandard.ZstdError) -> str:
    return str(error).removeprefix("zstd decompress error: ").removeprefix("zstd decompressor error: ")
