"""Several inputs: each its own run and transaction, in a known order, and none stops the others."""

import os
import shutil
from pathlib import Path

import pytest
from django.core.management import CommandError

from config.testing.builders import day_file, ingest, stored
from ingestion.batch.files import find_files
from marketdata.models import Bar, IngestRun


def test_folders_stand_for_their_files_in_order_of_name(tmp_path):
    for name in ("b.dbn", "a.dbn.zst", "c/d.dbn", "manifest.json", "e.csv", "f.dbn.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.dbn").mkdir()

    assert [str(file.relative_to(tmp_path)) for file in find_files([tmp_path])] == ["a.dbn.zst", "b.dbn", "c/d.dbn"]


def test_a_file_is_taken_once_however_often_it_is_named(tmp_path, monkeypatch):
    path = tmp_path / "a.dbn"
    path.touch()
    (tmp_path / "link.dbn").symlink_to(path)
    (tmp_path / "loop.dbn").symlink_to(tmp_path / "loop.dbn")
    monkeypatch.chdir(tmp_path)

    assert find_files([path, path, Path("a.dbn"), Path("link.dbn"), tmp_path / "." / "a.dbn"]) == [path]
    assert find_files([tmp_path / "loop.dbn"]) == [tmp_path / "loop.dbn"]


def test_what_is_missing_or_empty_stands_for_itself(tmp_path):
    assert find_files([tmp_path, tmp_path / "missing.dbn"]) == [tmp_path, tmp_path / "missing.dbn"]


def test_a_folder_that_may_not_be_entered_stands_for_itself(tmp_path, monkeypatch):
    closed = tmp_path / "b"
    for path in (tmp_path / "a.dbn", closed / "c.dbn"):
        path.parent.mkdir(exist_ok=True)
        path.touch()
    enter = os.scandir

    def scandir(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return enter(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert find_files([tmp_path]) == [tmp_path / "a.dbn", closed]


def test_each_file_is_its_own_run_and_a_bad_one_stops_no_other(market_db, tmp_path):
    for number in (1, 3):
        day_file(tmp_path / f"{number}.dbn", number)
    (tmp_path / "2.dbn").write_bytes(b"noise")

    with pytest.raises(CommandError, match=r"1 of 3 files failed\.") as refusal:
        ingest(tmp_path)

    assert refusal.value.returncode == 1
    runs = IngestRun.objects.order_by("pk")
    assert [(run.file_name, run.status) for run in runs] == [
        ("1.dbn", "success"),
        ("2.dbn", "failed"),
        ("3.dbn", "success"),
    ]
    assert Bar.objects.count() == 10


def test_a_name_that_is_not_utf8_stops_no_other(market_db, tmp_path):
    good = day_file(tmp_path / "good.dbn", 1)
    strange = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.dbn"))
    try:
        shutil.copy(good, strange)
    except OSError:
        pytest.skip("this file system takes no such names")

    with pytest.raises(CommandError, match="1 of 2 files failed"):
        ingest(strange, good)
    with pytest.raises(CommandError, match=r"udcff\.dbn' is not a name in UTF-8, so it cannot be stored"):
        ingest(strange)
    assert len(stored()) == 5
