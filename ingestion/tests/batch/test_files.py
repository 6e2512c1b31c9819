"""Which files the inputs of a command name."""

import os
from pathlib import Path

from ingestion.batch.files import find_files


def test_a_folder_is_replaced_by_its_files_in_order_of_path(tmp_path):
    for name in ("b.dbn", "a.dbn.zst", "c/d.dbn", "manifest.json", "e.csv", "f.dbn.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    assert [str(file.relative_to(tmp_path)) for file in find_files([tmp_path]).paths] == ["a.dbn.zst", "b.dbn", "c/d.dbn"]


def test_a_file_that_is_named_several_times_is_listed_once(tmp_path, monkeypatch):
    path = tmp_path / "a.dbn"
    path.touch()
    (tmp_path / "link.dbn").symlink_to(path)
    (tmp_path / "loop.dbn").symlink_to(tmp_path / "loop.dbn")
    monkeypatch.chdir(tmp_path)

    assert find_files([path, path, Path("a.dbn"), Path("link.dbn"), tmp_path / "." / "a.dbn"]).paths == (path,)
    assert find_files([tmp_path / "loop.dbn"]).paths == (tmp_path / "loop.dbn",)


def test_a_missing_file_and_an_empty_folder_stay_in_the_list(tmp_path):
    assert find_files([tmp_path, tmp_path / "missing.dbn"]).paths == (tmp_path, tmp_path / "missing.dbn")


def test_a_folder_without_permission_stays_in_the_list(tmp_path, monkeypatch):
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
    assert find_files([tmp_path]).paths == (tmp_path / "a.dbn", closed)
