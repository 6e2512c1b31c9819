"""Formats that are not DBN, by the first bytes of a file: what each is, and what to do with it."""

from __future__ import annotations

import re

SIGNATURE_SIZE = 512  # bytes that are needed: a tar archive's signature stands at 257

_DOWNLOAD = "download the data from Databento with encoding DBN"
_DOWNLOAD_AGAIN = "download the file again"
_UNPACK = "unpack it and ingest the .dbn.zst files inside"

_BY_FIRST_BYTES = (
    (b"\x1f\x8b", "is compressed with gzip, not with zstd: decompress it with gunzip first"),
    (b"PK\x03\x04", f"is a ZIP archive: {_UNPACK}"),
    (b"PK\x05\x06", f"is an empty ZIP archive: {_DOWNLOAD_AGAIN}"),
    (b"BZh", "is compressed with bzip2, not with zstd: decompress it with bunzip2 first"),
    (b"\xfd7zXZ", "is compressed with xz, not with zstd: decompress it with unxz first"),
    (b"\x04\x22\x4d\x18", "is compressed with lz4, not with zstd: decompress it with unlz4 first"),
    (b"\x1f\x9d", "is compressed with compress, not with zstd: decompress it with uncompress first"),
    (b"LZIP", "is compressed with lzip, not with zstd: decompress it with lzip -d first"),
    (b"7z\xbc\xaf\x27\x1c", f"is a 7z archive: {_UNPACK}"),
    (b"Rar!\x1a\x07", f"is a RAR archive: {_UNPACK}"),
    (b"PAR1", f"is a Parquet file: {_DOWNLOAD}"),
    (b"PARE", f"is an encrypted Parquet file: {_DOWNLOAD}"),
    (b"ARROW1", f"is an Arrow (Feather) file: {_DOWNLOAD}"),
    (b"FEA1", f"is a Feather file: {_DOWNLOAD}"),
    (b"ORC", f"is an ORC file: {_DOWNLOAD}"),
    (b"Obj\x01", f"is an Avro file: {_DOWNLOAD}"),
    (b"\x89HDF\r\n\x1a\n", f"is an HDF5 file: {_DOWNLOAD}"),
    (b"\x93NUMPY", f"is a NumPy file: {_DOWNLOAD}"),
    (b"SQLite format 3\x00", f"is a SQLite database: {_DOWNLOAD}"),
    (b"%PDF-", "is a PDF document, not data: check which file was saved under this name"),
    (b"\xd4\xc3\xb2\xa1", f"is a PCAP file of network packets: {_DOWNLOAD}"),
    (b"\xa1\xb2\xc3\xd4", f"is a PCAP file of network packets: {_DOWNLOAD}"),
    (b"\x4d\x3c\xb2\xa1", f"is a PCAP file of network packets: {_DOWNLOAD}"),
    (b"\xa1\xb2\x3c\x4d", f"is a PCAP file of network packets: {_DOWNLOAD}"),
    (b"\x0a\x0d\x0d\x0a", f"is a PCAP file of network packets (pcapng): {_DOWNLOAD}"),
    (b"age-encryption.org/", "is encrypted with age: decrypt it with `age -d` first"),
    (b"-----BEGIN AGE ENCRYPTED FILE", "is encrypted with age: decrypt it with `age -d` first"),
    (b"-----BEGIN PGP MESSAGE", "is encrypted with GPG: decrypt it with `gpg -d` first"),
    (b"Salted__", "is encrypted with OpenSSL: decrypt it with `openssl enc -d` first"),
    (b"version https://git-lfs", "is a Git LFS pointer, not the file itself: download the file with `git lfs pull`"),
    (b"version https://hawser", "is a Git LFS pointer, not the file itself: download the file with `git lfs pull`"),
    (b"/annex/objects/", "is a git-annex pointer, not the file itself: download the file with `git annex get`"),
    (b"../.git/annex/objects/", "is a git-annex pointer, not the file itself: download it with `git annex get`"),
    (b".git/annex/objects/", "is a git-annex pointer, not the file itself: download it with `git annex get`"),
    (b"\x00\x05\x16\x07", "is metadata that macOS stores beside a file (AppleDouble): ingest the file itself"),
    (b"\x00\x05\x16\x00", "is metadata that macOS stores with a file (AppleSingle): ingest the file itself"),
    (b"HTTP/1.", f"begins with the header of an HTTP response: {_DOWNLOAD_AGAIN} without the header"),
    (b"HTTP/2", f"begins with the header of an HTTP response: {_DOWNLOAD_AGAIN} without the header"),
    # What text encodings make of the first bytes of zstd and of DBN.
    (
        b"(\xef\xbf\xbd/\xef\xbf\xbd",
        "was saved as text, which replaced bytes of its compressed data: download it again as binary data",
    ),
    (b"(\xc2\xb5/\xc3\xbd", "was saved as text, which changed its compressed data: download it again as binary data"),
    (b"\xff\xfe(\x00", "was saved as text (UTF-16), which changed its bytes: download it again as binary data"),
    (
        b"\xff\xfeD\x00B\x00N\x00",
        "was saved as text (UTF-16), which changed its bytes: download it again as binary data",
    ),
    (b"KLUv/", "is encoded in base64: decode it with `base64 -d` first"),
    (b"REJO", "is encoded in base64: decode it with `base64 -d` first"),
)
_TAR_MAGIC, _TAR_START = b"ustar", 257
_DUCKDB_MAGIC, _DUCKDB_START = b"DUCK", 8
# An Arrow stream: continuation mark, length of the first message, and the offset of its root table.
_ARROW_STREAM = re.compile(rb"\xff\xff\xff\xff..\x00\x00\x10\x00\x00\x00", re.DOTALL)
# A GPG message begins with a packet of tag 1 (version 3 or 6) or tag 3 (version 4 to 6); see RFC 9580.
_GPG = re.compile(
    rb"(\x84.[\x03\x06]|\x85..[\x03\x06]|\xc1.[\x03\x06]|\xc1[\xc0-\xdf].[\x03\x06]|\x8c.[\x04-\x06]|\xc3.[\x04-\x06])",
    re.DOTALL,
)
_HTML = re.compile(
    rb"(<!--.*?-->\s*)?<(!doctype\s+html|html|head|body|title|h1|p|script)[\s>]", re.IGNORECASE | re.DOTALL
)
_XML = re.compile(rb"<\?xml|<[A-Za-z]\w*[\s/>]")
_XML_ERROR = re.compile(rb"<Error>.*?<Code>\s*(\w+)\s*</Code>", re.DOTALL)
_JSON = re.compile(rb'[{\[]\s*["{\[\]}\d]')
_JSON_ERROR = re.compile(rb'"(detail|error|errors|message|status_code)"\s*:', re.IGNORECASE)
_CSV = re.compile(rb"[ -~\t]+([,;\t|])[ -~\t]*(\1[ -~\t]*)*\r?\n")


def describe_foreign_format(content: bytes) -> str | None:
    """What a file is that begins with `content`, and what to do: "is a ZIP archive: unpack it …". None if unknown."""
    for magic, message in _BY_FIRST_BYTES:
        if content.startswith(magic):
            return message
    if content[_TAR_START:].startswith(_TAR_MAGIC):
        return f"is a tar archive: {_UNPACK}"
    if content[_DUCKDB_START:].startswith(_DUCKDB_MAGIC):
        return f"is a DuckDB database: {_DOWNLOAD}"
    if _ARROW_STREAM.match(content):
        return f"is an Arrow stream: {_DOWNLOAD}"
    if _GPG.match(content):
        return "is encrypted with GPG: decrypt it with `gpg -d` first"
    return _describe_text(content.removeprefix(b"\xef\xbb\xbf").lstrip())


def is_csv(content: bytes) -> bool:
    """Whether `content` begins with a line of at least two columns of text."""
    return bool(_CSV.match(content.removeprefix(b"\xef\xbb\xbf")))


def _describe_text(content: bytes) -> str | None:
    if _HTML.match(content):
        return f"is an HTML page, such as an error or a login page, saved under this name: {_DOWNLOAD_AGAIN}"
    if _XML.match(content):
        if error := _XML_ERROR.search(content):
            return (
                f"is an XML error message of the server ({error[1].decode()}), saved under this name: "
                f"{_DOWNLOAD_AGAIN}, with a new link if the link has expired"
            )
        return f"is an XML document, such as an error message of a server, saved under this name: {_DOWNLOAD_AGAIN}"
    if _JSON.match(content):
        if _JSON_ERROR.search(content):
            return f"is a JSON error message of an API, saved under this name: read it, then {_DOWNLOAD_AGAIN}"
        return f"is JSON, not DBN: {_DOWNLOAD}"
    return None
