"""A file of another format is recognised by its first bytes and refused with its name."""

import base64
import bz2
import gzip
import lzma

import pytest

from config.testing.builders import bars, dbn, header, refuse, save, skippable_frame, zstd

RECORDS = bars(40)
DELIVERED = zstd(header().encode(), RECORDS.tobytes())

NOT_DBN = {
    "empty": (b"", "is empty (0 bytes)"),
    "text": (b"ts_event,open,high,low,close\n1,2,3,4,5\n", 'is not a DBN file: it begins with "ts_event", but'),
    "noise": (bytes(range(200, 256)) * 40, 'it begins with c8 c9 ca cb cc cd ce cf, but DBN files begin with "DBN"'),
    "zeros": (bytes(4096), "it begins with 00 00 00 00 00 00 00 00, but"),
    "gzip": (gzip.compress(dbn(RECORDS)), "compressed with gzip"),
    "bzip2": (bz2.compress(dbn(RECORDS)), "compressed with bzip2"),
    "xz": (lzma.compress(dbn(RECORDS)), "compressed with xz"),
    "zip": (b"PK\x03\x04" + bytes(100), "ZIP archive"),
    "parquet": (b"PAR1" + bytes(100), "Parquet"),
    "zstd inside zstd": (zstd(DELIVERED), "compressed twice (zstd inside zstd)"),
    "gzip inside zstd": (zstd(gzip.compress(dbn(RECORDS))), "once decompressed, is compressed with gzip"),
    "text inside zstd": (zstd(b"hello, world"), 'is not a DBN file: it begins with "hello, w", but'),
    "nothing inside zstd": (zstd(b""), "is empty once decompressed"),
    "zstd without data": (skippable_frame(b"no more than this"), "is empty once decompressed"),
    "text that begins with DBN": (
        b"DBN files of January\n",
        'begins with "DBN file", but DBN files begin with "DBN" and',
    ),
    "CSV": (b"a;b;c\n1;2;3\n", "it is text in columns (CSV), so download"),
    "zeros of a download": (bytes(4096), "these bytes are zeros, so the download is not complete"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 9\n", "is a Git LFS pointer"),
    "git-annex": (b"/annex/objects/SHA256E-s9--12.dbn.zst\n", "is a git-annex pointer"),
    "HTML": (b"\n<!DOCTYPE html>\n<html><body>404</body></html>", "is an HTML page"),
    "HTML with BOM": (b"\xef\xbb\xbf<html lang=en>", "is an HTML page"),
    "S3": (
        b'<?xml version="1.0"?>\n<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>',
        "is an XML error message of the server (AccessDenied)",
    ),
    "XML": (b'<?xml version="1.0"?><feed/>', "is an XML document"),
    "JSON error": (b'{"detail": {"case": "auth_authentication_failed"}}', "is a JSON error message of an API"),
    "JSON records": (b'{"hd":{"ts_event":"1"},"open":"1"}\n', "is JSON, not DBN"),
    "JSON list": (b"[\n  {}\n]", "is JSON, not DBN"),
    "tar": (b"a.dbn" + bytes(252) + b"ustar\x0000" + bytes(249), "is a tar archive"),
    "tar inside zstd": (zstd(bytes(257) + b"ustar  \x00" + bytes(1000)), "once decompressed, is a tar archive"),
    "HTML inside zstd": (zstd(b"<html></html>"), "once decompressed, is an HTML page"),
    "age": (b"age-encryption.org/v1\n-> X25519 x\n", "is encrypted with age"),
    "GPG armor": (b"-----BEGIN PGP MESSAGE-----\n", "is encrypted with GPG"),
    "GPG with a key": (bytes.fromhex("85020c03a1b2c3d4e5f60718") + bytes(99), "is encrypted with GPG"),
    "GPG with a password": (bytes.fromhex("8c0d04090302a1b2c3d4e5f6") + bytes(99), "is encrypted with GPG"),
    "OpenSSL": (b"Salted__12345678", "is encrypted with OpenSSL"),
    "Arrow": (b"ARROW1\x00\x00" + bytes(90), "is an Arrow (Feather) file"),
    "Arrow stream": (bytes.fromhex("ffffffff7001000010000000") + bytes(90), "is an Arrow stream"),
    "Feather 1": (b"FEA1" + bytes(90), "is a Feather file"),
    "SQLite": (b"SQLite format 3\x00" + bytes(90), "is a SQLite database"),
    "DuckDB": (bytes(8) + b"DUCK" + bytes(90), "is a DuckDB database"),
    "PDF": (b"%PDF-1.7\n", "is a PDF document"),
    "PCAP": (bytes.fromhex("d4c3b2a102000400") + bytes(16), "is a PCAP file"),
    "pcapng": (bytes.fromhex("0a0d0d0a1c000000") + bytes(16), "is a PCAP file"),
    "AppleDouble": (bytes.fromhex("0005160700020000") + b"Mac OS X", "is metadata that macOS stores"),
    "HTTP header": (b"HTTP/1.1 200 OK\r\n\r\n" + DELIVERED, "begins with the header of an HTTP response"),
    "zstd saved as text": (DELIVERED.decode(errors="replace").encode(), "was saved as text"),
    "zstd saved as Latin-1 text": (DELIVERED.decode("latin-1").encode(), "was saved as text"),
    "UTF-16": ("\ufeffDBN".encode("utf-16-le") + bytes(40), "was saved as text (UTF-16)"),
    "base64 of zstd": (base64.b64encode(DELIVERED), "is encoded in base64"),
    "base64 of DBN": (base64.b64encode(dbn(RECORDS)), "is encoded in base64"),
    "fragment": (RECORDS.tobytes(), "is not a DBN file: it has records of ohlcv-1m without the metadata"),
    "fragment of definitions": (zstd(bytes([130, 0x13]) + bytes(518)), "it has records of definition without"),
    "fragment with ts_out": (bytes([14, 0x00]) + bytes(54), "it has records of trades without the metadata"),
    "legacy DBZ": (skippable_frame(b"DBZ\x01GLBX.MDP3", magic=0x184D2A50) + zstd(RECORDS.tobytes()), "is a DBZ file"),
}


@pytest.mark.parametrize("content, words", NOT_DBN.values(), ids=NOT_DBN)
def test_a_file_of_another_format_is_refused_with_its_name(market_db, tmp_path, content, words):
    assert words in refuse(save(tmp_path / "mnq.dbn.zst", content))
