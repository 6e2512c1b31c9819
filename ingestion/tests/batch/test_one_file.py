"""Definition files of a folder are skipped with a note; one that is named itself is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management import CommandError

from config.testing.builders import day_file, header, ingest, save, zstd
from config.testing.processes import run
from marketdata.models import IngestRun


def write_other(path: Path, schema: str) -> Path:
    """A file of another schema, without records."""
    encoded = header(schema=schema).encode()
    return save(path, zstd(encoded) if path.name.endswith(".zst") else encoded)


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with two files of bars, and a file of definitions between them."""
    day_file(tmp_path / "1.dbn", 1)
    write_other(tmp_path / "2.definition.dbn.zst", "definition")
    day_file(tmp_path / "3.dbn", 2)
    return tmp_path


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
@pytest.mark.parametrize("more", [[], ["--dry-run"], ["--skip-ingested"]])
def test_a_definition_file_of_a_folder_is_skipped(market_db, folder, jobs, more):
    ended = run("--input", folder, "--jobs", jobs, *more)
    assert (ended.code, ended.err) == (0, "")
    assert f"Skipped: {folder}/2.definition.dbn.zst contains definitions, not bars." in ended.out
    assert "3 files: 2 loaded, 1 skipped, 0 failed." in ended.out
    assert not IngestRun.objects.exclude(status="success").exists()


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_its_note_is_in_the_json(market_db, folder, jobs):
    printed = json.loads(run("--input", folder, "--jobs", jobs, "--json").out)
    path = f"{folder}/2.definition.dbn.zst"
    note = {"file": path, "status": "skipped", "run_id": None, "notes": [f"{path} contains definitions, not bars."]}
    assert (printed["ok"], printed["files"][1]) == (True, note)


@pytest.mark.parametrize("with_folder", [False, True])
def test_one_that_is_named_itself_is_refused(market_db, folder, with_folder):
    inputs = [folder / "2.definition.dbn.zst", *([folder] if with_folder else [])]
    for order in (inputs, inputs[::-1]):
        with pytest.raises(CommandError) as refusal:
            ingest(*order)
        assert refusal.value.returncode == 1
    assert "contains definition, not ohlcv-1m" in IngestRun.objects.filter(status="failed").latest("pk").error


@pytest.mark.parametrize("options", [{}, {"dry_run": True}, {"skip_ingested": True}])
def test_a_folder_of_definition_files_alone_is_refused(market_db, tmp_path, options):
    for name in ("1.dbn", "2.dbn.zst"):
        write_other(tmp_path / name, "definition")
    with pytest.raises(CommandError, match="is a folder with definition files alone") as refusal:
        ingest(tmp_path, **options)
    assert refusal.value.returncode == 1


def test_files_of_other_schemas_in_a_folder_are_refused(market_db, folder):
    write_other(folder / "4.trades.dbn", "trades")
    with pytest.raises(CommandError, match=r"1 of 4 files failed\."):
        ingest(folder)
    assert "contains trades, not ohlcv-1m" in IngestRun.objects.get(status="failed").error
