"""A file is checked against the size and SHA-256 in its manifest.json."""

import hashlib
import json
from pathlib import Path

import pytest

from config.testing.builders import bars, exact, header, ingest, refuse, save, stored, write, zstd
from ingestion.dbn.source import SourceFile
from ingestion.errors import UnreadableFile

RECORDS = bars(40)
HEADER = header().encode()


def write_manifest(path: Path, content: bytes) -> None:
    """Write the manifest.json of a batch download that delivered `content` as the file `path`."""
    entry = {"filename": path.name, "size": len(content), "hash": f"sha256:{hashlib.sha256(content).hexdigest()}"}
    other = {"filename": "condition.json", "size": 1, "hash": "sha256:00"}
    path.with_name("manifest.json").write_text(json.dumps({"job_id": "GLBX-1", "files": [other, entry]}))


def test_a_file_cut_between_frames_is_refused_by_the_size_in_the_manifest(market_db, tmp_path):
    frames = [zstd(HEADER), zstd(RECORDS[:20].tobytes()), zstd(RECORDS[20:].tobytes())]
    path = save(tmp_path / "mnq.dbn.zst", b"".join(frames[:2]))
    write_manifest(path, b"".join(frames))

    sentence = refuse(path)

    assert f"has {path.stat().st_size:,} bytes, but {path.with_name('manifest.json')} lists" in sentence
    assert "the download is incomplete" in sentence


def test_a_file_that_differs_from_the_manifest_is_refused(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    write_manifest(path, bytes(path.stat().st_size))
    assert f"has the SHA-256 {hashlib.sha256(path.read_bytes()).hexdigest()[:12]}…, but" in refuse(path)

    write_manifest(path, b"shorter")
    assert "it is not the delivered file" in refuse(path)


MALFORMED = [b"", b"\xff\xfe", b"[]", b"{}", b'{"files": 3}', b'{"files": [3]}', b'{"files": [{}]}', b"[" * 100_000]
MALFORMED += [
    b'{"files": [{"filename": "mnq.dbn", "size": %s, "hash": "sha256:0"}]}' % size for size in (b"1e999", b"[]")
]


@pytest.mark.parametrize("content", MALFORMED, ids=range(len(MALFORMED)))
def test_a_malformed_manifest_is_an_unreadable_file(tmp_path, content):
    save(tmp_path / "manifest.json", content)
    with pytest.raises(UnreadableFile, match=r"manifest\.json, which cannot be parsed"):
        SourceFile(write(tmp_path / "mnq.dbn", RECORDS))


def test_a_malformed_or_unreadable_manifest_refuses_the_file(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    manifest = save(tmp_path / "manifest.json", b"not JSON")
    assert "manifest.json, which cannot be parsed" in refuse(path)

    manifest.unlink()
    manifest.mkdir()
    assert "manifest.json, which cannot be read (Is a directory)" in refuse(path)


def test_a_file_that_matches_its_manifest_is_loaded(market_db, tmp_path):
    path = write(tmp_path / "mnq.dbn", RECORDS)
    write_manifest(path, path.read_bytes())
    assert "Checked against manifest.json." in ingest(path).out
    assert stored() == exact(RECORDS)


def test_a_manifest_that_does_not_list_the_file_is_ignored(market_db, tmp_path):
    write_manifest(tmp_path / "other.dbn", b"")
    assert "manifest" not in ingest(write(tmp_path / "mnq.dbn", RECORDS)).out
    assert stored() == exact(RECORDS)


def test_a_pointer_is_not_called_an_incomplete_download(market_db, tmp_path):
    path = save(tmp_path / "mnq.dbn.zst", b"version https://git-lfs.github.com/spec/v1\n")
    write_manifest(path, zstd(HEADER, RECORDS.tobytes()))
    assert "is a Git LFS pointer" in refuse(path)
