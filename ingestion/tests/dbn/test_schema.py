"""The schema of a file is read from its first bytes."""

import os

import databento_dbn
import pytest

from config.testing.builders import bars, dbn, header, save, skippable_frame, write, zstd
from ingestion.dbn.schema import read_schema


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("schema", [str(schema) for schema in databento_dbn.Schema.variants()])
def test_every_schema_is_read_from_every_version(tmp_path, schema, version):
    encoded = header(schema=schema, version=version).encode()
    for content in (encoded, zstd(encoded), zstd(encoded[:9], encoded[9:]), skippable_frame(b"x") + zstd(encoded)):
        assert read_schema(save(tmp_path / "x.dbn", content)) == schema


def test_a_cut_file_has_the_schema_of_its_start(tmp_path):
    path = write(tmp_path / "x.dbn.zst", bars(30))
    assert read_schema(save(path, path.read_bytes()[:-30])) == "ohlcv-1m"
    assert read_schema(save(path, dbn(bars(30))[:40])) == "ohlcv-1m"


def test_other_files_have_none(tmp_path):
    live = save(tmp_path / "live.dbn", header(schema=None).encode())
    pipe = tmp_path / "pipe.dbn"
    os.mkfifo(pipe)
    (tmp_path / "folder.dbn").mkdir()
    contents = (b"", b"DBN", b"DBN\x03", b"ts_event,open", bytes(99), zstd(b""), zstd(b"noise" * 9), zstd(b"x")[:6])
    others = [save(tmp_path / f"{number}.dbn", content) for number, content in enumerate(contents)]
    for path in (live, pipe, tmp_path / "folder.dbn", tmp_path / "missing.dbn", *others):
        assert read_schema(path) is None, path
