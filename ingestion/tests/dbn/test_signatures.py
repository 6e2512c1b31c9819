"""A file of another format is recognised by its first bytes and refused with its name."""

import bz2
import gzip
import lzma

import pytest

from config.testing.builders import bars, dbn, header, refuse, save, skippable_frame, zstd

RECORDS = bars(40)
DELIVERED = zstd(header().encode(), RECORDS.tobytes())

NOT_DBN = {
    "empty": (b"", "is empty (0 bytes)"),
    "text": (b"symbol;open;high;low;close\n1;2;3;4;5\n", 'is not a DBN file: it begins with "symbol;o", but'),
    "CSV": (b"ts_event,open,high,low,close\n1,2,3,4,5\n", "is a CSV file"),
    "Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "pointer of Git LFS, not the file itself",
    ),
    "git-annex": (b"/annex/objects/SHA256E-s1--00.dbn\n", "pointer of git-annex, not the file itself"),
    "a web page": (b"\n<!DOCTYPE html><html><body>Log in</body></html>", "is a web page"),
    "a web page after a mark": (b"\xef\xbb\xbf<HTML>", "is a web page"),
    "an error in XML": (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code></Error>', "is an XML document"),
    "an error in JSON": (b'{"detail": {"case": "auth_failed"}}', "is a JSON document"),
    "a web page inside zstd": (zstd(b"<html>"), "once decompressed, is a web page"),
    "tar": (b"x.dbn".ljust(257, b"\0") + b"ustar\0" + bytes(300), "is a tar archive"),
    "LZ4": (b"\x04\x22\x4d\x18" + bytes(50), "is compressed with LZ4"),
    "PGP": (b"-----BEGIN PGP MESSAGE-----", "is encrypted with PGP"),
    "AppleDouble": (b"\x00\x05\x16\x07" + bytes(50), "is an AppleDouble file"),
    "a fragment": (RECORDS.tobytes(), "has records without the metadata of DBN"),
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
    "legacy DBZ": (skippable_frame(b"DBZ\x01GLBX.MDP3", magic=0x184D2A50) + zstd(RECORDS.tobytes()), "is a DBZ file"),
}


@pytest.mark.parametrize("content, words", NOT_DBN.values(), ids=NOT_DBN)
def test_a_file_of_another_format_is_refused_with_its_name(market_db, tmp_path, content, words):
    assert words in refuse(save(tmp_path / "mnq.dbn.zst", content))
