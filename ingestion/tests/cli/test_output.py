"""What a batch prints, and where."""

import json

import numpy as np

from config.testing.builders import bars, ingest, write
from config.testing.processes import run

RULE = "=" * 80


def test_json_is_printed_also_when_files_fail(market_db, path, tmp_path):
    (tmp_path / "bad.dbn").write_bytes(b"noise")

    ended = run("--input", tmp_path, tmp_path / "missing.dbn", "--json")

    assert ended.code == 1
    result = json.loads(ended.out)
    assert result["ok"] is False
    assert [file["status"] for file in result["files"]] == ["failed", "success", "failed"]
    assert "is not a DBN file" in result["files"][0]["error"]
    assert ended.err.splitlines()[-1] == "CommandError: 2 of 3 files failed."
    assert len(ended.err.splitlines()) == 3


def test_several_summaries_end_with_a_closing_line(market_db, path, tmp_path):
    other = write(tmp_path / "other.dbn", np.concatenate((bars(2), bars(2, first=5))), symbols=("ES.c.0",), mappings={})
    lines = ingest(path, other).out.splitlines()
    assert lines.count("✅ INGESTION COMPLETE") == 2
    assert lines[-1] == "2 files: 2 loaded, 0 skipped, 0 failed."


def test_a_pipe_receives_only_the_result(market_db, path):
    ended = run("--input", path)
    assert ended.code == 0
    assert ended.err == ""
    assert ended.out.startswith(RULE)


def test_a_terminal_without_the_characters_does_not_fail_a_finished_run(market_db, path):
    ended = run("--input", path, PYTHONIOENCODING="ascii")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"{RULE}\n? INGESTION COMPLETE")
