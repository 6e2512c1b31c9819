"""File signatures: what a file is by its first bytes, whatever its name."""

from __future__ import annotations

from pathlib import Path

from ingestion.dbn.foreign_formats import describe_foreign_format, is_csv
from ingestion.dbn.layout import RECORD_SIZES, RTYPE_NAMES
from ingestion.dbn.text import format_bytes
from ingestion.errors import UnreadableFile

MAGIC_SIZE = 4  # bytes that `is_dbn` and `is_zstd` need

_DBN_MAGIC = b"DBN"
_MAX_DBN_VERSION = 8  # more than any version so far, and less than the bytes of text
_TS_OUT_SIZE = 8
_DBZ_MAGIC = b"DBZ"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_SKIPPABLE_MAGICS = tuple(bytes((0x50 + n, 0x2A, 0x4D, 0x18)) for n in range(16))  # zstd frames without data


def is_zstd(content: bytes) -> bool:
    return content.startswith((_ZSTD_MAGIC, *_SKIPPABLE_MAGICS))


def is_dbn(content: bytes) -> bool:
    """Whether `content` begins with the metadata of a DBN stream: "DBN" and a version."""
    return len(content) >= MAGIC_SIZE and content.startswith(_DBN_MAGIC) and 1 <= content[3] <= _MAX_DBN_VERSION


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
    if not content.startswith(_DBN_MAGIC) and (message := describe_foreign_format(content)):
        raise UnreadableFile(f"{subject} {message}.", path=path)


def refuse_unless_dbn(content: bytes, path: Path) -> None:
    """Raise `UnreadableFile` unless `content`, the first decompressed bytes of `path`, begins a DBN stream."""
    if content.startswith(_DBN_MAGIC) and not _is_text(content[3:]):
        return
    if is_zstd(content):
        raise UnreadableFile(
            f"{path} is compressed twice (zstd inside zstd): decompress it once with `zstd -d` and ingest the result.",
            path=path,
        )
    if not content:
        raise UnreadableFile(f"{path} is empty once decompressed: download it again.", path=path)
    refuse_foreign_format(content, path, decompressed=True)
    if fragment := _describe_fragment(content):
        raise UnreadableFile(f"{path} is not a DBN file: {fragment}.", path=path)
    raise UnreadableFile(
        f"{path} is not a DBN file: it begins with {format_bytes(content[:8])}, but DBN files begin with "
        f"{format_bytes(_DBN_MAGIC)}{' and a version' * content.startswith(_DBN_MAGIC)}; {_advise(content)}.",
        path=path,
    )


def _describe_fragment(content: bytes) -> str | None:
    """A DBN fragment: records alone, as `dbn --fragment` writes them. None for other content."""
    length, rtype = content[0] * 4, content[1] if len(content) > 1 else None
    if rtype not in RTYPE_NAMES or not {length, length - _TS_OUT_SIZE}.intersection(RECORD_SIZES.get(rtype, (80,))):
        return None
    return (
        f"it has records of {RTYPE_NAMES[rtype]} without the metadata that names dataset and symbols (a DBN fragment); "
        "ingest the file that it is a part of"
    )


def _is_text(content: bytes) -> bool:
    return any(content) and all(0x20 <= byte < 0x7F or byte in b"\t\n\r" for byte in content[:8])


def _advise(content: bytes) -> str:
    if not any(content):
        return "these bytes are zeros, so the download is not complete; download it again"
    if is_csv(content):
        return "it is text in columns (CSV), so download the data from Databento with encoding DBN"
    return "download the data from Databento with encoding DBN"
