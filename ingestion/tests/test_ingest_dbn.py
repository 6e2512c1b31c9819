"""The command: its options, what it prints and where, and its exit code."""

import json
import os
import pty
import subprocess
import sys

import numpy as np
import pytest
from django.conf import settings
from django.core.management import CommandError

from marketdata.models import Bar, IngestRun, Series

from .builders import FRONT, Printed, bars, ingest, several, stored, write
from .processes import database_url, run

pytestmark = pytest.mark.ordinary_role

RULE = "=" * 80


@pytest.fixture
def path(tmp_path):
    return write(tmp_path / "mnq.dbn.zst", bars(1200))


def test_the_summary_reads_as_documented(market_db, path):
    lines = ingest(path).out.splitlines()

    assert lines[:9] == [
        RULE,
        "✅ INGESTION COMPLETE",
        RULE,
        "Run ID: 1",
        "Total bars: 1,200",
        "Inserted: 1,200",
        "Updated: 0",
        "Time range: 2024-01-02 00:00:00+00:00 to 2024-01-02 19:59:00+00:00",
        RULE,
    ]
    assert "Of the updated: 0 changed, 0 identical and left alone" in lines
    assert "Duplicate rows in the file: 0" in lines
    assert "Gaps of more than a minute: 0" in lines
    assert any(line.startswith("Series: CME_MINI:MNQ1! (stats: /api/") for line in lines)
    assert any(line.startswith("Took: ") and line.endswith(" rows/s)") for line in lines)


def test_the_second_summary_says_that_nothing_changed(market_db, path):
    ingest(path)
    lines = ingest(path).out.splitlines()
    assert {"Inserted: 0", "Updated: 1,200", "Of the updated: 0 changed, 1,200 identical and left alone"} < set(lines)


def test_a_dry_run_reads_as_documented_and_writes_nothing(market_db, path):
    lines = ingest(path, dry_run=True, symbol="NEW").out.splitlines()

    assert lines[:8] == [
        RULE,
        "✅ DRY RUN COMPLETE - No database changes made",
        RULE,
        "Would process: 1,200 bars",
        "Would insert: 1,200",
        "Would update: 0",
        "Time range: 2024-01-02 00:00:00+00:00 to 2024-01-02 19:59:00+00:00",
        RULE,
    ]
    assert "Series: NEW (new)" in lines
    assert not Bar.objects.exists()
    assert not IngestRun.objects.exists()
    assert not Series.objects.exclude(slug="mnq").exists()


def test_a_dry_run_of_what_must_be_refused_is_refused_without_a_trace(market_db, path, tmp_path):
    ingest(path)
    other = write(tmp_path / "other.dbn", bars(5, instrument_id=FRONT + 1), mappings={})
    with pytest.raises(CommandError, match="--replace-instrument"):
        ingest(other, dry_run=True)
    printed = ingest(other, dry_run=True, replace_instrument=True)

    assert f"Would replace instrument {FRONT} of GLBX.MDP3 (publisher 1) behind CME_MINI:MNQ1!" in printed.out
    assert "Of the instrument before, not in the file: 1,195 removed" in printed.out
    assert IngestRun.objects.count() == 1


def test_symbol_and_dataset_are_taken_as_they_are_given(market_db, path):
    ingest(path, symbol="My series:  ES1!", dataset="mine")
    run = IngestRun.objects.get()
    assert (run.symbols, run.dataset, run.requested_symbol) == (["My series:  ES1!"], "mine", "My series:  ES1!")
    assert len(stored("My series:  ES1!")) == 1200


def test_limit_takes_the_first_rows(market_db, path):
    ingest(path, limit=7)
    assert IngestRun.objects.get().row_limit == 7
    assert list(stored()) == sorted(stored())
    assert len(stored()) == 7


def test_datasets_are_named_by_the_series_or_by_the_vendors_dataset(market_db, tmp_path):
    ingest(several(tmp_path / "a.dbn", {"A": bars(2, instrument_id=1), "B": bars(2, first=2, instrument_id=2)}))
    ingest(write(tmp_path / "b.dbn", bars(2, instrument_id=3), symbols=("ES.c.0",), mappings={}))
    assert set(IngestRun.objects.values_list("dataset", flat=True)) == {"glbx_mdp3_ohlcv_1m", "es_c_0_ohlcv_1m"}


def test_json_is_one_object_with_every_count(market_db, tmp_path):
    records = bars(9)
    first = ingest(write(tmp_path / "a.dbn", records[[0, 1, 1, 5]]), json=True)
    records["volume"][0] += 1
    second = ingest(write(tmp_path / "b.dbn", records), json=True).json

    assert first.json["ok"] is True
    [result] = second["files"]
    expected = {"row_count": 9, "inserted": 6, "updated": 3, "changed": 1, "identical": 2, "duplicates": 0, "gaps": 0}
    assert {name: result[name] for name in expected} == expected
    assert (result["status"], result["run_id"], result["symbols"]) == ("success", 2, ["CME_MINI:MNQ1!"])
    assert (result["min_ts"], result["max_ts"]) == ("2024-01-02T00:00:00+00:00", "2024-01-02T00:08:00+00:00")
    assert first.json["files"][0]["duplicates"] == 1


def test_json_of_a_dry_run(market_db, path):
    result = ingest(path, json=True, dry_run=True).json
    assert result["dry_run"] is True
    assert (result["files"][0]["status"], result["files"][0]["run_id"]) == ("dry_run", None)
    assert result["files"][0]["inserted"] == 1200


def test_json_is_printed_also_when_files_fail(market_db, path, tmp_path):
    (tmp_path / "bad.dbn").write_bytes(b"noise")

    ended = run("--input", tmp_path, tmp_path / "missing.dbn", "--json")

    assert ended.code == 1
    result = json.loads(ended.out)
    assert result["ok"] is False
    assert [file["status"] for file in result["files"]] == ["failed", "success", "failed"]
    assert "is not a DBN file" in result["files"][0]["error"]
    assert ended.err.splitlines()[-1] == "CommandError: 2 of 3 files were not taken."
    assert len(ended.err.splitlines()) == 3


def test_several_summaries_end_with_a_line_for_all(market_db, path, tmp_path):
    other = write(tmp_path / "other.dbn", np.concatenate((bars(2), bars(2, first=5))), symbols=("ES.c.0",), mappings={})
    lines = ingest(path, other).out.splitlines()
    assert lines.count("✅ INGESTION COMPLETE") == 2
    assert lines[-1] == "2 files: 2 taken, 0 skipped, 0 failed."


@pytest.mark.parametrize("dry_run", [False, True])
def test_each_of_several_summaries_names_its_file(market_db, path, tmp_path, dry_run):
    other = write(tmp_path / "other.dbn", bars(5), symbols=("ES.c.0",), mappings={})
    blocks = ingest(path, other, dry_run=dry_run).out.split("COMPLETE")[1:]
    assert len(blocks) == 2
    for block, file, count in zip(blocks, (path, other), ("1,200", "5"), strict=True):
        lines = block.splitlines()
        named = [line for line in lines if line.startswith("File: ")]
        assert named == [f"File: {file}"]
        assert lines[lines.index(named[0]) - 1] == RULE  # behind what each summary begins with
        assert f": {count}" in block


def test_one_summary_alone_needs_no_name(market_db, path):
    assert "File: " not in ingest(path).out


def test_in_a_pipe_there_is_the_result_and_nothing_else(market_db, path):
    ended = run("--input", path)
    assert ended.code == 0
    assert ended.err == ""
    assert ended.out.startswith(RULE)


def test_verbose_lines_go_to_standard_error(market_db, path):
    ended = run("--input", path, "--verbose", "--json")
    assert json.loads(ended.out)["ok"] is True
    steps = [line.split(" s  ", 1)[1] for line in ended.err.splitlines()]
    assert steps[0] == f"Reading {path} ({path.stat().st_size:,} bytes)"
    assert "Waiting for others who write these series" in steps
    assert "Storing" in steps


def test_on_a_terminal_there_is_a_progress_bar_which_goes_away(market_db, path):
    ours, theirs = pty.openpty()
    ended = subprocess.run(
        [sys.executable, "manage.py", "ingest_dbn", "--input", str(path)],
        cwd=settings.BASE_DIR,
        env=os.environ | {"DATABASE_URL": database_url(), "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
        timeout=60,
        check=True,
    )
    os.close(theirs)
    shown = os.read(ours, 1 << 16).decode()
    os.close(ours)

    assert "mnq.dbn.zst" in shown or "Storing" in shown
    assert "━" in shown
    assert shown.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))  # the line is cleared, the cursor is back
    assert ended.stdout.startswith(RULE)


def test_help_shows_every_option_and_how_to_use_them():
    ended = run("--help", url="")
    assert ended.code == 0
    for option in (
        "--input", "--symbol", "--dataset", "--dry-run", "--limit", "--publisher",
        "--replace-instrument", "--skip-ingested", "--verbose", "--json",
    ):  # fmt: skip
        assert f"  {option}" in ended.out
    assert "examples:" in ended.out
    assert "Exit code: 0 if every file was taken" in ended.out


@pytest.mark.parametrize(
    "arguments, words",
    [
        ([], "the following arguments are required: --input"),
        (["--input"], "expected at least one argument"),
        (["--input", "a.dbn", "--limit", "0"], "argument --limit: '0' is not a whole number from 1 to"),
        (["--input", "a.dbn", "--limit", "1.5"], "argument --limit: '1.5' is not a whole number"),
        (["--input", "a.dbn", "--publisher", "65536"], "argument --publisher: '65536' is not a whole number from 1 to"),
        (["--input", "a.dbn", "--publisher", "-1"], "argument --publisher: '-1' is not a whole number"),
    ],
)
def test_an_option_that_makes_no_sense_is_told(arguments, words):
    from django.core.management import load_command_class

    command = load_command_class("ingestion", "ingest_dbn")
    parser = command.create_parser("manage.py", "ingest_dbn")
    with pytest.raises(CommandError, match=words):
        parser.parse_args(arguments)


@pytest.mark.parametrize(
    "symbol, words", [(" ", "is empty"), ("a" * 129, "129 characters"), ("a\nb", "cannot be printed")]
)
def test_a_symbol_that_cannot_be_stored_is_refused(market_db, path, symbol, words):
    with pytest.raises(CommandError, match=words):
        ingest(path, symbol=symbol)
    assert stored() == {}


def test_a_note_is_printed_with_its_own_file(market_db, tmp_path):
    unclaimed = write(tmp_path / "es.dbn", bars(2), symbols=("ES.c.0",), mappings={})
    claimed = write(tmp_path / "mnq.dbn", bars(2))
    printed: Printed = ingest(unclaimed, claimed, json=True)
    notes = [file["notes"] for file in printed.json["files"]]
    assert "No series claims ES.c.0" in notes[0][0]
    assert notes[1] == []
