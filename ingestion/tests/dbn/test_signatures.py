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
    "legacy DBZ": (skippable_frame(b"DBZ\x01GLBX.MDP3", magic=0x184D2A50) + zstd(RECORDS.tobytes()), "is a DBZ file"),
}


@pytest.mark.parametrize("content, words", NOT_DBN.values(), ids=NOT_DBN)
def test_a_file_of_another_format_is_refused_with_its_name(market_db, tmp_path, content, words):
    assert words in refuse(save(tmp_path / "mnq.dbn.zst", content))
