"""Step 1: a damaged file is never taken for a shorter whole one, and a whole one is taken whatever its wrapping."""

import bz2
import gzip
import hashlib
import json
import lzma
import os
import struct
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from config.testing.builders import bars, dbn, exact, header, ingest, refuse, save, stored, write, zstd
from config.testing.processes import run
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, UnreadableFile

RECORDS = bars(40)
HEADER = header().encode()
DELIVERED = zstd(HEADER, RECORDS.tobytes())  # as Databento delivers: the metadata in a frame of its own
EDGE = len(zstd(HEADER))


def skippable(content: bytes, magic: int = 0x184D2A53) -> bytes:
    return struct.pack("<II", magic, len(content)) + content


# --- Refused ---------------------------------------------------------------------------------------------------------

NOT_DBN = {
    "empty": (b"", "is empty (0 bytes)"),
    "text": (b"ts_event,open,high,low,close\n1,2,3,4,5\n", "is not a DBN file: it begins with b'ts_event'"),
    "noise": (bytes(range(200, 256)) * 40, "is not a DBN file"),
    "zeros": (bytes(4096), "is not a DBN file"),
    "gzip": (gzip.compress(dbn(RECORDS)), "compressed with gzip"),
    "bzip2": (bz2.compress(dbn(RECORDS)), "compressed with bzip2"),
    "xz": (lzma.compress(dbn(RECORDS)), "compressed with xz"),
    "zip": (b"PK\x03\x04" + bytes(100), "ZIP archive"),
    "parquet": (b"PAR1" + bytes(100), "Parquet"),
    "zstd inside zstd": (zstd(DELIVERED), "compressed twice (zstd inside zstd)"),
    "gzip inside zstd": (zstd(gzip.compress(dbn(RECORDS))), "once decompressed, is compressed with gzip"),
    "text inside zstd": (zstd(b"hello, world"), "is not a DBN file: it begins with b'hello, w'"),
    "nothing inside zstd": (zstd(b""), "is empty once decompressed"),
    "zstd without data": (skippable(b"no more than this"), "is empty once decompressed"),
    "legacy DBZ": (skippable(b"DBZ\x01GLBX.MDP3", magic=0x184D2A50) + zstd(RECORDS.tobytes()), "is a DBZ file"),
}


@pytest.mark.parametrize("content, words", NOT_DBN.values(), ids=NOT_DBN)
def test_what_is_not_dbn_is_refused_and_called_by_its_name(market_db, tmp_path, content, words):
    assert words in refuse(save(tmp_path / "mnq.dbn.zst", content))


@pytest.mark.parametrize("size", [3, 9, EDGE - 1, EDGE + 2, EDGE + 200, len(DELIVERED) - 4, len(DELIVERED) - 1])
def test_a_cut_zst_is_refused_wherever_it_is_cut(market_db, tmp_path, size):
    sentence = refuse(save(tmp_path / "mnq.dbn.zst", DELIVERED[:size]))

    assert f"is cut off: it ends after {size} bytes" in sentence or size == 3  # 3 bytes are not known to be zstd


def test_every_single_cut_and_every_flipped_bit_is_seen(tmp_path):
    """By the reading steps alone, since it is done a thousand times: an error, or the very same rows."""
    damaged = [DELIVERED[:size] for size in range(len(DELIVERED)) if size != EDGE]
    for at in range(len(DELIVERED)):
        flipped = bytearray(DELIVERED)
        flipped[at] ^= 1 << at % 8
        damaged.append(bytes(flipped))
    path = tmp_path / "mnq.dbn.zst"
    for content in damaged:
        path.write_bytes(content)
        try:
            with SourceFile(path) as source:
                read = b"".join(batch.records.tobytes() for batch in RecordReader(source).batches())
        except IngestError:
            continue
        assert read == RECORDS.tobytes()  # bits of a frame's header that mean nothing for its content


def test_a_flipped_bit_that_only_the_checksum_sees_is_refused(market_db, tmp_path):
    content = bytearray(zstandard.ZstdCompressor(level=-100, write_checksum=True).compress(dbn(RECORDS)))
    content[-40] ^= 1  # within the last, literal bytes: decompression itself does not notice

    sentence = refuse(save(tmp_path / "mnq.dbn.zst", bytes(content)))

    assert "is damaged: its compressed data cannot be read" in sentence
    assert "checksum" in sentence


def test_zeros_behind_the_last_frame_are_refused(market_db, tmp_path):
    assert "is damaged" in refuse(save(tmp_path / "mnq.dbn.zst", DELIVERED + bytes(64)))


def test_a_path_that_is_no_file_is_refused(market_db, tmp_path):
    folder, pipe = tmp_path / "mnq.dbn", tmp_path / "pipe.dbn"
    folder.mkdir()
    os.mkfifo(pipe)

    assert "does not exist: check the path" in refuse(tmp_path / "missing.dbn")
    assert "is a folder without .dbn or .dbn.zst files" in refuse(folder)
    assert "is not a regular file" in refuse(pipe)


def test_a_file_that_may_not_be_read_is_refused(market_db, tmp_path, monkeypatch):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    path.chmod(0)
    open_as_root = os.open

    def open_as_nobody(target, *arguments):
        """Nothing is unreadable for root, so root opens this one file, and nothing else, as an ordinary user."""
        if os.fspath(target) != str(path):
            return open_as_root(target, *arguments)
        os.seteuid(65534)
        try:
            return open_as_root(target, *arguments)
        finally:
            os.seteuid(0)

    if os.geteuid() == 0:
        monkeypatch.setattr(os, "open", open_as_nobody)

    assert "may not be read by this user: change its permissions" in refuse(path)


def test_the_command_line_shows_a_sentence_and_exit_code_1(market_db, tmp_path):
    path = save(tmp_path / "mnq.dbn.zst", DELIVERED[:-1])

    ended = run("--input", path)

    assert ended.code == 1
    assert f"{path} is cut off" in ended.sentence
    assert "Traceback" not in ended.err
    assert stored() == {}


def test_a_file_that_grows_while_it_is_read_is_refused(tmp_path):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    with SourceFile(path) as source:
        list(source.read_blocks())
        with path.open("ab") as file:
            file.write(b"more")
        with pytest.raises(UnreadableFile, match="was being written while it was read"):
            source.finish()


def test_a_bomb_stays_small_in_memory(tmp_path):
    """256 MB of zeros in 8 kB: the first chunk betrays it, and no more than that is ever held."""
    path = save(tmp_path / "bomb.dbn.zst", zstd(HEADER, bytes(1 << 28)))
    tracemalloc.start()
    try:
        with SourceFile(path) as source, pytest.raises(UnreadableFile, match="row 1, is not a record"):
            list(RecordReader(source).batches())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20


# --- The manifest ----------------------------------------------------------------------------------------------------


def manifest(path: Path, content: bytes) -> None:
    """As a batch download brings it, for `content` as what was delivered."""
    entry = {"filename": path.name, "size": len(content), "hash": f"sha256:{hashlib.sha256(content).hexdigest()}"}
    other = {"filename": "condition.json", "size": 1, "hash": "sha256:00"}
    path.with_name("manifest.json").write_text(json.dumps({"job_id": "GLBX-1", "files": [other, entry]}))


def test_a_cut_at_a_frames_edge_is_refused_where_the_manifest_knows_better(market_db, tmp_path):
    frames = [zstd(HEADER), zstd(RECORDS[:20].tobytes()), zstd(RECORDS[20:].tobytes())]
    path = save(tmp_path / "mnq.dbn.zst", b"".join(frames[:2]))
    manifest(path, b"".join(frames))

    sentence = refuse(path)

    assert f"has {path.stat().st_size:,} bytes, but {path.with_name('manifest.json')} says" in sentence
    assert "the download is not complete" in sentence


def test_other_bytes_than_the_manifest_says_are_refused(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    manifest(path, bytes(path.stat().st_size))
    assert "does not have the sha256" in refuse(path)

    manifest(path, b"shorter")
    assert "it is not what was delivered" in refuse(path)


RUBBISH = [b"", b"\xff\xfe", b"[]", b"{}", b'{"files": 3}', b'{"files": [3]}', b'{"files": [{}]}', b"[" * 100_000]
RUBBISH += [
    b'{"files": [{"filename": "mnq.dbn", "size": %s, "hash": "sha256:0"}]}' % size for size in (b"1e999", b"[]")
]


@pytest.mark.parametrize("content", RUBBISH, ids=range(len(RUBBISH)))
def test_a_manifest_that_cannot_be_understood_is_told(tmp_path, content):
    save(tmp_path / "manifest.json", content)
    with pytest.raises(UnreadableFile, match=r"manifest\.json, which cannot be understood"):
        SourceFile(write(tmp_path / "mnq.dbn", RECORDS))


def test_a_rubbish_manifest_refuses_the_file_and_an_unreadable_one_too(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    rubbish = save(tmp_path / "manifest.json", b"not JSON")
    assert "manifest.json, which cannot be understood" in refuse(path)

    rubbish.unlink()
    rubbish.mkdir()
    assert "manifest.json, which cannot be read (Is a directory)" in refuse(path)


def test_a_file_that_agrees_with_its_manifest_is_taken(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    manifest(path, path.read_bytes())
    assert "Checked against manifest.json." in ingest(path).out
    assert stored() == exact(RECORDS)


def test_a_manifest_that_does_not_name_the_file_says_nothing_of_it(market_db, tmp_path):
    manifest(tmp_path / "other.dbn", b"")
    assert "manifest" not in ingest(write(tmp_path / "mnq.dbn", RECORDS)).out
    assert stored() == exact(RECORDS)


# --- Taken, whatever the wrapping ------------------------------------------------------------------------------------

HALVES = RECORDS[:20].tobytes(), RECORDS[20:].tobytes()
WRAPPINGS = {
    "zstd named .dbn": ("mnq.dbn", DELIVERED),
    "raw named .zst": ("mnq.dbn.zst", dbn(RECORDS)),
    "another name": ("mnq.bin", DELIVERED),
    "one frame": ("mnq.dbn.zst", zstd(dbn(RECORDS))),
    "a frame per record": ("mnq.dbn.zst", zstd(HEADER, *(record.tobytes() for record in RECORDS))),
    "a frame ends within a record": ("mnq.dbn.zst", zstd(dbn(RECORDS)[:-30], dbn(RECORDS)[-30:])),
    "an empty frame": ("mnq.dbn.zst", zstd(HEADER, b"", RECORDS.tobytes())),
    "frames to skip": ("mnq.dbn.zst", zstd(HEADER, HALVES[0]) + skippable(b"x" * 9000) + zstd(HALVES[1])),
    "a frame to skip at both ends": ("mnq.dbn.zst", skippable(b"pzstd", 0x184D2A50) + DELIVERED + skippable(b"")),
    "no checksum": ("mnq.dbn.zst", zstandard.ZstdCompressor(write_checksum=False).compress(dbn(RECORDS))),
}


@pytest.mark.parametrize("name, content", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_whole_file_is_taken_whatever_its_wrapping(market_db, tmp_path, name, content):
    path = save(tmp_path / name, content)

    ingest(path)

    assert stored() == exact(RECORDS)
