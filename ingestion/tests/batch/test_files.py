"""Which files the inputs of a command name."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.batch.files import find_files, sort_naturally


def make(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).touch()


def listed(folder) -> list[str]:
    return [str(file.relative_to(folder)) for file in find_files([folder]).files]


def test_a_folder_is_replaced_by_its_files_in_order_of_path(tmp_path):
    make(tmp_path, "b.dbn", "a.dbn.zst", "c/d.dbn", "manifest.json", "e.csv", "folder.dbn/x.txt", "A2.DBN.ZST", "z.Dbn")

    assert listed(tmp_path) == ["A2.DBN.ZST", "a.dbn.zst", "b.dbn", "c/d.dbn", "z.Dbn"]


def test_numbers_in_names_are_compared_as_numbers(tmp_path):
    names = ["batch_9/10.dbn", "batch_9/2.dbn", "batch_10/1.dbn", "batch_100/x.dbn", "batch/x.dbn"]
    make(tmp_path, *names)

    assert listed(tmp_path) == [names[4], names[1], names[0], names[2], names[3]]


@given(st.lists(st.text("0129a.²", min_size=1).map(Path), max_size=6))
def test_the_order_does_not_depend_on_the_order_of_the_listing(paths):
    expected = sorted(paths, key=sort_naturally)
    paths.reverse()
    paths.sort(key=sort_naturally)
    assert paths == expected


def test_numbers_of_any_length_are_compared():
    huge = "9" * 5_000
    names = ["09", "9", "10", "a9", "a10", "a10b", huge, f"1{huge}"]
    ordered = ["09", "9", "10", huge, f"1{huge}", "a9", "a10", "a10b"]
    assert [str(path) for path in sorted(map(Path, names), key=sort_naturally)] == ordered


def test_hidden_names_and_folders_of_systems_are_no_deliveries(tmp_path):
    make(
        tmp_path,
        *("a.dbn", "._a.dbn", ".b.dbn", ".Trash-1000/files/c.dbn", ".stversions/d.dbn", "__MACOSX/._a.dbn"),
        *(
            "$RECYCLE.BIN/e.dbn",
            "System Volume Information/f.dbn",
            "lost+found/g.dbn",
            "@eaDir/h.dbn",
            "#recycle/i.dbn",
        ),
    )

    assert listed(tmp_path) == ["a.dbn"]
    assert find_files([tmp_path / ".b.dbn"]).files == [tmp_path / ".b.dbn"]  # named itself
    assert find_files([tmp_path / ".stversions"]).files == [tmp_path / ".stversions" / "d.dbn"]


def test_links_to_folders_are_followed_and_loops_end(tmp_path):
    raw, other = tmp_path / "raw", tmp_path / "disk2" / "2023"
    make(raw, "2024.dbn")
    make(other, "2023.dbn")
    (raw / "2023").symlink_to(other)
    (raw / "twice").symlink_to(other)
    (other / "round").symlink_to(raw)
    (raw / "itself").symlink_to(raw)

    assert listed(raw) == ["2023/2023.dbn", "2024.dbn"]


def test_a_dangling_link_stays_in_the_list(tmp_path):
    make(tmp_path, "a.dbn")
    (tmp_path / "b.dbn").symlink_to(tmp_path / "gone.dbn")
    assert listed(tmp_path) == ["a.dbn", "b.dbn"]


def test_incomplete_downloads_are_named(tmp_path):
    partial = ["b.dbn.part", "c.dbn.zst.crdownload", "d.DBN.ZST.tmp"]
    make(tmp_path, "a.dbn", "notes.tmp", *partial)
    found = find_files([tmp_path])
    assert [path.name for path in found.files] == ["a.dbn"]
    assert [path.name for path in found.partial] == partial


def test_a_file_that_is_named_several_times_is_listed_once(tmp_path, monkeypatch):
    path = tmp_path / "a.dbn"
    path.touch()
    (tmp_path / "link.dbn").symlink_to(path)
    (tmp_path / "loop.dbn").symlink_to(tmp_path / "loop.dbn")
    monkeypatch.chdir(tmp_path)

    assert find_files([path, path, Path("a.dbn"), Path("link.dbn"), tmp_path / "." / "a.dbn"]).files == [path]
    assert find_files([tmp_path / "loop.dbn"]).files == [tmp_path / "loop.dbn"]


def test_a_missing_file_and_an_empty_folder_stay_in_the_list(tmp_path):
    assert find_files([tmp_path, tmp_path / "missing.dbn"]).files == [tmp_path, tmp_path / "missing.dbn"]


@pytest.mark.parametrize("is_folder_itself", [False, True])
def test_a_folder_without_permission_stays_in_the_list(tmp_path, monkeypatch, is_folder_itself):
    closed = tmp_path / "b"
    make(tmp_path, "a.dbn", "b/c.dbn")
    enter = os.scandir

    def scandir(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return enter(path)

    monkeypatch.setattr(os, "scandir", scandir)
    expected = [closed] if is_folder_itself else [tmp_path / "a.dbn", closed]
    assert find_files([closed if is_folder_itself else tmp_path]).files == expected
