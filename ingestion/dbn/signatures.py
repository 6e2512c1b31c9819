"""File signatures: what a file is by its first bytes, whatever its name."""

from __future__ import annotations

from pathlib import Path

from ingestion.dbn.text import format_bytes
from ingestion.errors import UnreadableFile

_DBN_MAGIC = b"DBN"
_DBZ_MAGIC = b"DBZ"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE_MAGICS = tuple(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16))  # zstd frames without data

_FOREIGN_FORMATS = (
    (b"\x1f\x8b", "is compressed with gzip, not with zstd: decompress it with gunzip first"),
    (b"PK\x03\x04", "is a ZIP archive: unpack it and ingest the .dbn.zst files inside"),
    (b"BZh", "is compressed with bzip2, not with zstd: decompress it with bunzip2 first"),
    (b"\xfd7zXZ", "is compressed with xz, not with zstd: decompress it with unxz first"),
    (b"PAR1", "is a Parquet file: download the data from Databento with encoding DBN"),
)


def is_zstd(content: bytes) -> bool:
    return content.startswith((_ZSTD_MAGIC, *_SKIPPABLE_MAGICS))


def refuse_foreign_format(content: bytes, path: Path, *, decompressed: bool = False) -> None:
    """Raise `UnreadableFile` if `content`, the first bytes of `path`, begins like a file of another format.

    `decompressed`: whether `content` is that of the file once decompressed, which the message then states.
    """
    subject = f"{path}, once decompressed," if decompressed else f"{path}"
    # DBZ, the format before DBN, keeps its metadata in a skippable frame: magic, length, then its name.
    if content.startswith(_SKIPPABLE_MAGICS) and content[8:].startswith(_DBZ_MAGIC):
        raise UnreadableFile(
            f"{subject} is a DBZ file, the format before DBN: convert it with Databento's `dbn` tool, "
            "or download it again.",
            path=path,
        )
    for magic, message in _FOREIGN_FORMATS:
        if content.startswith(magic):
            raise UnreadableFile(f"{subject} {message}.", path=path)


def refuse_unless_dbn(content: bytes, path: Path) -> None:
    """Raise `UnreadableFile` unless `content`, the first decompressed bytes of `path`, begins a DBN stream."""
    if content.startswith(_DBN_MAGIC):
        return
    if is_zstd(content):
        raise UnreadableFile(
            f"{path} is compressed twice (zstd inside zstd): decompress it once with `zstd -d` and ingest the result.",
            path=path,
        )
    if not content:
        raise UnreadableFile(f"{path} is empty once decompressed: download it again.", path=path)
    refuse_foreign_format(content, path, decompressed=True)
    raise UnreadableFile(
        f"{path} is not a DBN file: it begins with {format_bytes(content[:8])}, but DBN files begin with "
        f"{format_bytes(_DBN_MAGIC)}; download the data from Databento with encoding DBN.",
        path=path,
    )
