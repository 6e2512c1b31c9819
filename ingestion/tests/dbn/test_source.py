"""A damaged file never passes for a shorter complete one; a complete one is read however it is compressed."""

import os
import socket
import tracemalloc
from pathlib import Path

import pytest
import zstandard

from config.testing.builders import bars, dbn, exact, header, ingest, refuse, save, skippable_frame, stored, write, zstd
from config.testing.processes import run
from ingestion.dbn.records import RecordReader
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, UnreadableFile

RECORDS = bars(40)
HEADER = header().encode()
DELIVERED = zstd(HEADER, RECORDS.tobytes())  # as Databento delivers: the metadata in a frame of its own
EDGE = len(zstd(HEADER))


@pytest.mark.parametrize("size", [9, EDGE - 1, EDGE + 2, EDGE + 200, len(DELIVERED) - 4, len(DELIVERED) - 1])
def test_a_cut_zst_is_refused_wherever_it_is_cut(market_db, tmp_path, size):
    sentence = refuse(save(tmp_path / "mnq.dbn.zst", DELIVERED[:size]))

    assert f"is cut off: it ends after {size} bytes" in sentence


def test_a_zst_cut_within_its_signature_is_not_recognised(market_db, tmp_path):
    assert "is not a DBN file" in refuse(save(tmp_path / "mnq.dbn.zst", DELIVERED[:3]))


def read_rows(path: Path) -> bytes:
    """The file's records, read without a database, since the tests below read a thousand files."""
    with SourceFile(path) as source:
        return b"".join(batch.records.tobytes() for batch in RecordReader(source).read_batches())


def test_every_cut_is_refused(tmp_path):
    path = tmp_path / "mnq.dbn.zst"
    for size in set(range(len(DELIVERED))) - {EDGE}:  # at the edge it is a complete file without rows
        path.write_bytes(DELIVERED[:size])
        with pytest.raises(IngestError):
            read_rows(path)


def test_every_flipped_bit_is_refused_or_harmless(tmp_path):
    path = tmp_path / "mnq.dbn.zst"
    harmless = []
    for at in range(len(DELIVERED)):
        flipped = bytearray(DELIVERED)
        flipped[at] ^= 1 << at % 8
        path.write_bytes(flipped)
        try:
            read = read_rows(path)
        except IngestError:
            continue
        assert read == RECORDS.tobytes()
        harmless.append(at)
    assert len(harmless) < 10  # bits of a frame's header that do not change its content


def test_a_flipped_bit_that_only_the_checksum_detects_is_refused(market_db, tmp_path):
    content = bytearray(zstandard.ZstdCompressor(level=-100, write_checksum=True).compress(dbn(RECORDS)))
    content[-40] ^= 1  # within the last, literal bytes, which decompress without an error

    sentence = refuse(save(tmp_path / "mnq.dbn.zst", bytes(content)))

    assert "is damaged: its compressed data cannot be read" in sentence
    assert "checksum" in sentence


def test_zeros_after_the_last_frame_are_refused(market_db, tmp_path):
    assert "is damaged" in refuse(save(tmp_path / "mnq.dbn.zst", DELIVERED + bytes(64)))


def test_a_window_that_is_too_large_is_not_called_damage(market_db, tmp_path):
    parameters = zstandard.ZstdCompressionParameters(window_log=28, enable_ldm=True)
    content = zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress(bytes(1 << 20))
    sentence = refuse(save(tmp_path / "mnq.dbn.zst", content or b"".join(compress_with(parameters))))
    assert "is compressed with a window of more than 128 MB: decompress it with `zstd -d --long=31`" in sentence


def compress_with(parameters):
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    yield compressor.compress(dbn(RECORDS))
    yield compressor.flush()


def test_a_missing_dictionary_is_not_called_damage(market_db, tmp_path):
    dictionary = zstandard.train_dictionary(4096, [bytes(RECORDS[at : at + 1]) * 20 for at in range(len(RECORDS))] * 50)
    content = zstandard.ZstdCompressor(dict_data=dictionary).compress(dbn(RECORDS))
    assert "is compressed with a zstd dictionary" in refuse(save(tmp_path / "mnq.dbn.zst", content))


def test_a_path_that_is_not_a_file_is_refused(market_db, tmp_path):
    folder, pipe = tmp_path / "mnq.dbn", tmp_path / "pipe.dbn"
    folder.mkdir()
    os.mkfifo(pipe)

    assert "does not exist: check the path" in refuse(tmp_path / "missing.dbn")
    assert "is a folder without .dbn or .dbn.zst files" in refuse(folder)
    assert "is not a regular file" in refuse(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket.dbn"))
    assert "is not a regular file" in refuse(tmp_path / "socket.dbn")


def test_a_link_without_its_target_is_refused(market_db, tmp_path):
    for name, target, advice in (
        ("a.dbn", "/disk/a.dbn", "mount its disk, or correct the link"),
        ("b.dbn", "../.git/annex/objects/G1/SHA256E-s9--12.dbn", "download it with `git annex get`"),
    ):
        (tmp_path / name).symlink_to(target)
        assert f"is a link to {target}, which does not exist: {advice}" in refuse(tmp_path / name)


def test_a_file_that_may_not_be_read_is_refused(market_db, tmp_path, monkeypatch):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    path.chmod(0)
    open_as_root = os.open

    def open_as_ordinary_user(target, *arguments):
        """Root can read any file, so root opens this one as an ordinary user."""
        if os.fspath(target) != str(path):
            return open_as_root(target, *arguments)
        os.seteuid(65534)
        try:
            return open_as_root(target, *arguments)
        finally:
            os.seteuid(0)

    if os.geteuid() == 0:
        monkeypatch.setattr(os, "open", open_as_ordinary_user)

    assert "may not be read by this user: change its permissions" in refuse(path)


def test_the_command_line_shows_one_message_and_exit_code_1(market_db, tmp_path):
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
    """256 MB of zeros in 8 kB: the first batch is refused, before the rest is decompressed."""
    path = save(tmp_path / "bomb.dbn.zst", zstd(HEADER, bytes(1 << 28)))
    tracemalloc.start()
    try:
        with SourceFile(path) as source, pytest.raises(UnreadableFile, match="row 1: the record has 0 bytes"):
            list(RecordReader(source).read_batches())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 64 << 20


HALVES = RECORDS[:20].tobytes(), RECORDS[20:].tobytes()
COMPRESSED = {
    "zstd named .dbn": ("mnq.dbn", DELIVERED),
    "raw named .zst": ("mnq.dbn.zst", dbn(RECORDS)),
    "another name": ("mnq.bin", DELIVERED),
    "one frame": ("mnq.dbn.zst", zstd(dbn(RECORDS))),
    "a frame per record": ("mnq.dbn.zst", zstd(HEADER, *(record.tobytes() for record in RECORDS))),
    "a frame ends within a record": ("mnq.dbn.zst", zstd(dbn(RECORDS)[:-30], dbn(RECORDS)[-30:])),
    "an empty frame": ("mnq.dbn.zst", zstd(HEADER, b"", RECORDS.tobytes())),
    "frames to skip": ("mnq.dbn.zst", zstd(HEADER, HALVES[0]) + skippable_frame(b"x" * 9000) + zstd(HALVES[1])),
    "a frame to skip at both ends": (
        "mnq.dbn.zst",
        skippable_frame(b"pzstd", 0x184D2A50) + DELIVERED + skippable_frame(b""),
    ),
    "no checksum": ("mnq.dbn.zst", zstandard.ZstdCompressor(write_checksum=False).compress(dbn(RECORDS))),
}


@pytest.mark.parametrize("name, content", COMPRESSED.values(), ids=COMPRESSED)
def test_a_complete_file_is_read_however_it_is_compressed(market_db, tmp_path, name, content):
    path = save(tmp_path / name, content)

    ingest(path)

    assert stored() == exact(RECORDS)
