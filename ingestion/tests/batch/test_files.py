"""Which files the inputs of a command name."""

import os
from pathlib import Path

from config.testing.builders import day_file, header, ingest, save
from ingestion.batch.files import find_files


def test_a_folder_is_replaced_by_its_files_in_order_of_path(tmp_path):
    for name in ("b.dbn", "a.dbn.zst", "c/d.dbn", "manifest.json", "e.csv", "f.dbn.part"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()

    found = find_files([tmp_path])

    assert [str(file.relative_to(tmp_path)) for file in found.paths] == ["a.dbn.zst", "b.dbn", "c/d.dbn"]
    assert found.listed == frozenset(found.paths)
    assert found.list_after(tmp_path / "b.dbn") == (tmp_path / "c" / "d.dbn",)


def test_a_file_that_is_named_several_times_is_listed_once(tmp_path, monkeypatch):
    path = tmp_path / "a.dbn"
    path.touch()
    (tmp_path / "link.dbn").symlink_to(path)
    (tmp_path / "loop.dbn").symlink_to(tmp_path / "loop.dbn")
    monkeypatch.chdir(tmp_path)

    assert find_files([path, path, Path("a.dbn"), Path("link.dbn"), tmp_path / "." / "a.dbn"]).paths == (path,)
    assert find_files([tmp_path / "loop.dbn"]).paths == (tmp_path / "loop.dbn",)


def test_a_missing_file_and_an_empty_folder_stay_in_the_list(tmp_path):
    inputs = (tmp_path, tmp_path / "missing.dbn")
    assert find_files(inputs).paths == inputs


def test_a_folder_of_definition_files_alone_stays_in_the_list(tmp_path):
    definitions = save(tmp_path / "a.dbn", header(schema="definition").encode())
    assert find_files([tmp_path]).paths == (tmp_path,)
    assert find_files([definitions]).paths == (definitions,)
    (tmp_path / "b.dbn").touch()
    assert find_files([tmp_path]).paths == (definitions, tmp_path / "b.dbn")


def test_a_file_is_not_listed_if_it_is_also_named(tmp_path):
    one, other = tmp_path / "1.dbn", tmp_path / "2.dbn"
    one.touch()
    other.touch()
    assert find_files([tmp_path, one]).listed == {other}
    assert find_files([one, tmp_path]).listed == {other}


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


def test_notes_name_what_is_not_loaded(market_db, tmp_path):
    path = day_file(tmp_path / "a.dbn", 1)
    for name in ("b.dbn.zst.part", "c.dbn.crdownload", "d.dbn.zst.1"):
        (tmp_path / name).touch()
    (tmp_path / "up").symlink_to(tmp_path.parent)
    notes = [
        f"Downloads that are not complete, so they are not loaded: {tmp_path}/b.dbn.zst.part, "
        f"{tmp_path}/c.dbn.crdownload.",
        f"Not loaded, since their names do not end in .dbn or .dbn.zst: {tmp_path}/d.dbn.zst.1.",
        f"Links to a folder that contains them, so they are not followed: {tmp_path}/up.",
    ]
    assert ingest(tmp_path, dry_run=True, json=True).json["notes"] == notes
    assert all(note in ingest(tmp_path).out for note in notes)
    assert ingest(path, json=True).json["notes"] == []
