"""File signatures: what a file is by its first bytes, whatever its name."""

from __future__ import annotations

from pathlib import Path

from ingestion.dbn.layout import RTYPE_NAMES
from ingestion.dbn.text import format_bytes
from ingestion.errors import UnreadableFile

DBN_SUFFIXES = (".dbn", ".dbn.zst")

_DBN_MAGIC = b"DBN"
_DBZ_MAGIC = b"DBZ"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE_MAGICS = tuple(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16))  # zstd frames without data

# What may precede a text's first character: a byte-order mark and white space.
_BEFORE_TEXT = b"\xef\xbb\xbf \t\r\n"
_DOWNLOAD = "download the data from Databento with encoding DBN"
_FOREIGN_FORMATS = (
    (b"\x1f\x8b", "is compressed with gzip, not with zstd: decompress it with gunzip first"),
    (b"PK\x03\x04", "is a ZIP archive: unpack it and ingest the .dbn.zst files inside"),
    (b"BZh", "is compressed with bzip2, not with zstd: decompress it with bunzip2 first"),
    (b"\xfd7zXZ", "is compressed with xz, not with zstd: decompress it with unxz first"),
    (b"PAR1", f"is a Parquet file: {_DOWNLOAD}"),
    (b"ARROW1", f"is an Arrow file: {_DOWNLOAD}"),
    (b"\x89HDF", f"is an HDF5 file: {_DOWNLOAD}"),
    (b"SQLite format 3\0", f"is an SQLite database: {_DOWNLOAD}"),
    (b"%PDF", f"is a PDF document: {_DOWNLOAD}"),
    (b"\x7fELF", f"is a program: {_DOWNLOAD}"),
    (b"7z\xbc\xaf\x27\x1c", "is a 7z archive: unpack it and ingest the .dbn.zst files inside"),
    (b"Rar!", "is a RAR archive: unpack it and ingest the .dbn.zst files inside"),
    (b"\x04\x22\x4d\x18", "is compressed with LZ4, not with zstd: decompress it with `lz4 -d` first"),
    (b"age-encryption.org", "is encrypted with age: decrypt it first"),
    (b"-----BEGIN PGP MESSAGE", "is encrypted with PGP: decrypt it first"),
    (b"\x00\x05\x16\x07", "is an AppleDouble file, which macOS writes beside the real one: ingest the real file"),
)
_FOREIGN_TEXTS = (
    (b"version https://git-lfs", "is a pointer of Git LFS, not the file itself: run `git lfs pull`"),
    (b"/annex/objects/", "is a pointer of git-annex, not the file itself: run `git annex get`"),
    (b"../.git/annex/", "is a pointer of git-annex, not the file itself: run `git annex get`"),
    (b"<!doctype html", "is a web page, perhaps that of a login or an error: download the file again"),
    (b"<html", "is a web page, perhaps that of a login or an error: download the file again"),
    (b"<?xml", "is an XML document, perhaps an error of the server: open it, and download the file again"),
    (b"<error", "is an XML document, perhaps an error of the server: open it, and download the file again"),
    (b"{", f"is a JSON document, perhaps an error of the server: open it, or {_DOWNLOAD}"),
    (b"[", f"is a JSON document, perhaps an error of the server: open it, or {_DOWNLOAD}"),
    (b"ts_event,", f"is a CSV file: {_DOWNLOAD}"),
    (b"rtype,", f"is a CSV file: {_DOWNLOAD}"),
    (b"ts_recv,", f"is a CSV file: {_DOWNLOAD}"),
)
_PREFIX = 8  # bytes
_RECORD_LENGTHS = range(4, 256)
_TAR_MAGIC, _TAR_OFFSET = b"ustar", 257


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
    text = content.lstrip(_BEFORE_TEXT).lower()
    message = (
        next((message for magic, message in _FOREIGN_FORMATS if content.startswith(magic)), None)
        or next((message for beginning, message in _FOREIGN_TEXTS if text.startswith(beginning)), None)
        or ("is a tar archive: unpack it first" if content[_TAR_OFFSET:].startswith(_TAR_MAGIC) else None)
    )
    if message:
        raise UnreadableFile(f"{subject} {message}.", path=path)


def begins_dbn_file(content: bytes) -> bool:
    """Whether another file begins here: the magic and a version of DBN, or a zstd frame with data."""
    is_dbn = content.startswith(_DBN_MAGIC) and content[3:4] in (b"\1", b"\2", b"\3")
    return is_dbn or content.startswith(_ZSTD_MAGIC)


def refuse_unless_dbn(content: bytes, path: Path) -> None:
    """Raise `UnreadableFile` unless `content`, the first decompressed bytes of `path`, begins a DBN stream."""
    if content.startswith(_DBN_MAGIC):
        return
    if _looks_like_records(content):
        raise UnreadableFile(
            f"{path} has records without the metadata of DBN in front, as a DBN fragment does, so its symbols are "
            "unknown: download the data again with encoding DBN.",
            path=path,
        )
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


def _looks_like_records(content: bytes) -> bool:
    """Whether the bytes are the header of a record: its length in units of 4 bytes, and a known rtype."""
    return len(content) >= _PREFIX and content[0] in _RECORD_LENGTHS and content[1] in RTYPE_NAMES
