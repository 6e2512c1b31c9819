"""The result of an undo and of its preview, as text and as JSON."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from config.testing.builders import bars
from config.testing.undo import change_volume, ingest_records, undo


def test_the_report_of_an_undo_has_the_documented_lines(market_db, tmp_path):
    ingest_records(tmp_path, bars(10))
    run = ingest_records(tmp_path, change_volume(bars(12), 2))
    dry = undo(run.pk, dry_run=True).out
    assert "✅ DRY RUN COMPLETE - No database changes made" in dry
    assert f"Would undo: run {run.pk}\n" in dry
    assert "Would remove: 2\nWould change back: 1\nWould restore: 0\nWould skip: 0\n" in dry
    out = undo(run.pk).out
    assert f"✅ RUN {run.pk} UNDONE" in out
    assert "Run ID: 3\nRemoved: 2\nChanged back: 1\nRestored: 0\nSkipped: 0\n" in out


def test_the_json_of_an_undo_has_counts_and_skipped_bars(market_db, tmp_path):
    first = ingest_records(tmp_path, bars(3))
    second = ingest_records(tmp_path, change_volume(bars(5), 1))
    preview = undo(first.pk, json=True, dry_run=True).json
    assert (preview["ok"], preview["dry_run"], preview["run_id"], preview["undoes"]) == (True, True, None, first.pk)
    result = undo(first.pk, json=True).json
    assert (result["run_id"], result["removed"], result["changed_back"], result["left"]) == (3, 2, 0, 1)
    assert result["left_for_runs"] == [{"run_id": second.pk, "bars": 1}]
    assert result["first_left"] == [
        {"symbol": "CME_MINI:MNQ1!", "ts": "2024-01-02T00:01:00+00:00", "run_id": second.pk}
    ]
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("undo_run", "99", json=True, stdout=out)
    assert json.loads(out.getvalue())["ok"] is False


def test_the_json_of_an_undo_and_of_its_preview_have_the_same_keys(market_db, tmp_path):
    run = ingest_records(tmp_path, bars(3))
    preview, result = undo(run.pk, json=True, dry_run=True).json, undo(run.pk, json=True).json
    assert list(preview) == list(result) == [
        "ok", "dry_run", "run_id", "undoes", "file_name", "symbols", "removed", "changed_back", "there_again", "left",
        "left_for_runs", "first_left", "min_ts", "max_ts", "seconds", "notes",
    ]  # fmt: skip
    own = {"dry_run": False, "run_id": 2, "seconds": result["seconds"]}
    assert preview | own == result
    assert (preview["seconds"], result["removed"], result["there_again"]) == (None, 3, 0)
