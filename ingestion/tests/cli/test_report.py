"""The summaries and the JSON object of an ingest."""

import pytest

from config.testing.builders import Printed, bars, ingest, write
from marketdata.models import Bar, IngestRun, Series

RULE = "=" * 80


def test_the_summary_has_the_documented_lines(market_db, path):
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
    assert "Already stored: 0 (0 corrected, 0 unchanged)" in lines
    assert "Duplicate rows in the file: 0" in lines
    assert "Gaps of more than a minute: 0" in lines
    assert any(line.startswith("Series: CME_MINI:MNQ1! (stats: /api/") for line in lines)
    assert any(line.startswith("Took: ") and line.endswith(" rows/s)") for line in lines)


def test_the_second_summary_counts_unchanged_bars(market_db, path):
    ingest(path)
    lines = ingest(path).out.splitlines()
    assert {"Inserted: 0", "Updated: 1,200", "Already stored: 1,200 (0 corrected, 1,200 unchanged)"} < set(lines)


def test_a_dry_run_has_the_documented_lines_and_writes_nothing(market_db, path):
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


def test_the_json_of_a_dry_run_counts_and_has_no_run(market_db, path):
    result = ingest(path, json=True, dry_run=True).json
    assert result["dry_run"] is True
    assert (result["files"][0]["status"], result["files"][0]["run_id"]) == ("dry_run", None)
    assert result["files"][0]["inserted"] == 1200


@pytest.mark.parametrize("dry_run", [False, True])
def test_each_of_several_summaries_names_its_file(market_db, path, tmp_path, dry_run):
    other = write(tmp_path / "other.dbn", bars(5), symbols=("ES.c.0",), mappings={})
    blocks = ingest(path, other, dry_run=dry_run).out.split("COMPLETE")[1:]
    assert len(blocks) == 2
    for block, file, count in zip(blocks, (path, other), ("1,200", "5"), strict=True):
        lines = block.splitlines()
        named = [line for line in lines if line.startswith("File: ")]
        assert named == [f"File: {file}"]
        assert lines[lines.index(named[0]) - 1] == RULE  # after the lines that every summary has
        assert f": {count}" in block


def test_the_summary_of_a_single_file_does_not_name_it(market_db, path):
    assert "File: " not in ingest(path).out


def test_a_note_belongs_to_its_own_file(market_db, tmp_path):
    unclaimed = write(tmp_path / "es.dbn", bars(2), symbols=("ES.c.0",), mappings={})
    claimed = write(tmp_path / "mnq.dbn", bars(2))
    printed: Printed = ingest(unclaimed, claimed, json=True)
    notes = [file["notes"] for file in printed.json["files"]]
    assert "No series claims ES.c.0" in notes[0][0]
    assert notes[1] == []
