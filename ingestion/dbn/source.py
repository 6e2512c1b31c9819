"""Step 1: the file's bytes, hashed as they are read, decompressed, and known to be all there.

Compression is told by content. What must not happen is that a damaged file looks like a shorter whole one, which is
what readers that stop quietly at a cut frame make of it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from ingestion.dbn.manifest import read_manifest_entry
from ingestion.errors import UnreadableFile

ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
SKIPPABLE_MAGICS = tuple(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16))  # zstd frames that hold no data
DBN_MAGIC = b"DBN"
DBZ_MAGIC = b"DBZ"

READ_SIZE = 8 * 1024
# Four bytes of zstd can stand for 128 kB: decompressing little at a time keeps even a hostile file small in memory.
DECOMPRESS_SIZE = 512
MAX_WINDOW = 1 << 27

_FOREIGN = (
    (b"\x1f\x8b", "is compressed with gzip, not with zstd: decompress it with gunzip first"),
    (b"PK\x03\x04", "is a ZIP archive: unpack it and ingest the .dbn.zst files inside"),
    (b"BZh", "is compressed with bzip2, not with zstd: decompress it with bunzip2 first"),
    (b"\xfd7zXZ", "is compressed with xz, not with zstd: decompress it with unxz first"),
    (b"PAR1", "is a Parquet file: download the data from Databento with encoding DBN"),
)


class SourceFile:
    """One open file. `read_blocks()` gives its decompressed bytes once; `sha256` and `size` are of the file as it lies.

    Every fault of the file is an `UnreadableFile`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._hash = hashlib.sha256()
        self.bytes_read = 0
        try:
            # Non-blocking, so that a named pipe without a writer is told rather than waited for.
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        except OSError as error:
            raise UnreadableFile(_cannot_open(path, error)) from error
        try:
            self._stat = os.fstat(descriptor)
            if not stat.S_ISREG(self._stat.st_mode):
                raise UnreadableFile(_not_a_file(path))
            self.size = self._stat.st_size
            self.manifest = read_manifest_entry(path)
        except UnreadableFile:
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
        """Of the bytes read so far; of the whole file after `read_to_end()`."""
        return self._hash.hexdigest()

    def read_blocks(self) -> Iterator[bytes]:
        """The content of the file, decompressed if it is zstd, in small blocks."""
        if self.manifest and self.manifest.size != self.size:
            fault = "the download is not complete" if self.size < self.manifest.size else "it is not what was delivered"
            raise UnreadableFile(
                f"{self.path} has {self.size:,} bytes, but {self.manifest.path} says "
                f"{self.manifest.size:,}: {fault}; download it again."
            )
        first = self._read()
        if not first:
            raise UnreadableFile(f"{self.path} is empty (0 bytes): download it again.")
        _refuse_foreign(first, f"{self.path}")
        blocks = self._raw_blocks(first)
        return self._decompressed(blocks) if _is_zstd(first) else blocks

    def read_to_end(self) -> None:
        """Read what is left of the file, so that the hash is the whole file's."""
        while self._read():
            pass

    def finish(self) -> None:
        """Read to the end; refuse a file that changed meanwhile, or that is not what the manifest says."""
        self.read_to_end()
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._stat.st_size, self._stat.st_mtime_ns):
            raise UnreadableFile(
                f"{self.path} was being written while it was read: run the command again when it is complete."
            )
        if self.manifest and self.manifest.sha256 != self.sha256:
            raise UnreadableFile(
                f"{self.path} does not have the sha256 that {self.manifest.path} gives it "
                f"({self.sha256[:12]}…, expected {self.manifest.sha256[:12]}…): it is damaged; download it again."
            )

    def _read(self) -> bytes:
        try:
            block = self._file.read(READ_SIZE)
        except OSError as error:
            raise UnreadableFile(
                f"{self.path} could not be read after {self.bytes_read:,} bytes ({error.strerror}): "
                "check the disk or the network drive, then run the command again."
            ) from error
        self._hash.update(block)
        self.bytes_read += len(block)
        return block

    def _raw_blocks(self, first: bytes) -> Iterator[bytes]:
        block = first
        while block:
            yield block
            block = self._read()

    def _decompressed(self, blocks: Iterator[bytes]) -> Iterator[bytes]:
        """All frames of a zstd file. A frame says when it has ended, and nothing else is taken for its end."""
        decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_WINDOW)
        frame = None
        try:
            for block in blocks:
                for start in range(0, len(block), DECOMPRESS_SIZE):
                    rest = block[start : start + DECOMPRESS_SIZE]
                    while rest:
                        frame = frame or decompressor.decompressobj()
                        content = frame.decompress(rest)
                        rest = b""
                        if frame.eof:
                            rest, frame = frame.unused_data, None
                        if content:
                            yield content
        except zstandard.ZstdError as error:
            raise UnreadableFile(
                f"{self.path} is damaged: its compressed data cannot be read near byte {self.bytes_read:,} of "
                f"{self.size:,} ({_reason(error)}); download it again."
            ) from error
        if frame is not None:
            raise UnreadableFile(
                f"{self.path} is cut off: it ends after {self.bytes_read:,} bytes in the middle of its compressed "
                "data; download it again."
            )


def refuse_unless_dbn(content: bytes, path: Path) -> None:
    """Raise `UnreadableFile` unless `content`, the first decompressed bytes of `path`, begins a DBN stream."""
    if content.startswith(DBN_MAGIC):
        return
    if _is_zstd(content):
        raise UnreadableFile(
            f"{path} is compressed twice (zstd inside zstd): decompress it once with `zstd -d` and ingest the result."
        )
    if not content:
        raise UnreadableFile(f"{path} is empty once decompressed: download it again.")
    _refuse_foreign(content, f"{path}, once decompressed,")
    raise UnreadableFile(
        f"{path} is not a DBN file: it begins with {content[:8]!r} where DBN files begin with b'DBN'; "
        "download the data from Databento with encoding DBN."
    )


def _is_zstd(content: bytes) -> bool:
    return content.startswith((ZSTD_MAGIC, *SKIPPABLE_MAGICS))


def _refuse_foreign(content: bytes, subject: str) -> None:
    # The format before DBN kept its metadata in a skippable frame: magic, length, then its name.
    if content.startswith(SKIPPABLE_MAGICS) and content[8:].startswith(DBZ_MAGIC):
        raise UnreadableFile(
            f"{subject} is a DBZ file, the format before DBN: convert it with Databento's `dbn` tool, "
            "or download it again."
        )
    for magic, sentence in _FOREIGN:
        if content.startswith(magic):
            raise UnreadableFile(f"{subject} {sentence}.")


def _cannot_open(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist: check the path."
    if isinstance(error, PermissionError):
        return f"{path} may not be read by this user: change its permissions (chmod +r)."
    return f"{path} cannot be opened ({error.strerror}): check the path."


def _not_a_file(path: Path) -> str:
    if path.is_dir():
        return f"{path} is a folder without .dbn or .dbn.zst files: download some into it, or check the path."
    return f"{path} is not a regular file: name a .dbn or .dbn.zst file."


def _reason(error: zstandard.ZstdError) -> str:
    return str(error).removeprefix("zstd decompress error: ").removeprefix("zstd decompressor error: ")
