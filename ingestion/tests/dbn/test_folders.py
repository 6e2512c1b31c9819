"""Deliveries below a folder: all of them, nothing else, in natural order."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion.dbn.folders import list_folder, sort_naturally


@pytest.fixture
def fill(tmp_path):
    """Creates empty files, with their folders, and returns the names of the deliveries."""

    def fill(*names: str) -> list[str]:
        for name in names:
            path = tmp_path / "raw" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return list_names(tmp_path)

    return fill


def list_names(tmp_path: Path) -> list[str]:
    folder = tmp_path / "raw"
    return [str(path.relative_to(folder)) for path in list_folder(folder).files]


def test_suffixes_count_in_any_letter_case(fill):
    assert fill("a.DBN.ZST", "b.Dbn", "c.dbn.Zst", "d.zst", "edbn", "f.dbn.csv") == ["a.DBN.ZST", "b.Dbn", "c.dbn.Zst"]


@pytest.mark.parametrize(
    "name",
    [
        *("._a.dbn.zst", ".a.dbn", ".Trash/a.dbn", ".Trash-1000/files/a.dbn", ".stversions/a~1.dbn", ".git/a.dbn"),
        *("__MACOSX/._a.dbn", "__MACOSX/a.dbn", "$RECYCLE.BIN/S-1/a.dbn", "$Recycle.Bin/a.dbn", "x/@eaDir/a.dbn"),
        *("System Volume Information/a.dbn", "lost+found/a.dbn", ".Trashes/501/a.dbn", "#recycle/a.dbn"),
    ],
)
def test_hidden_names_and_trash_are_no_deliveries(fill, tmp_path, name):
    assert fill(name, "good.dbn") == ["good.dbn"]
    assert list_folder((tmp_path / "raw" / name).parent).files != [] or Path(name).name.startswith(".")


@pytest.mark.parametrize(
    "ordered",
    [
        ["batch_9/a.dbn", "batch_10/a.dbn"],
        ["2/9/1.dbn", "2/10/1.dbn", "10/1/1.dbn"],
        ["a009.dbn", "a9.dbn", "a10.dbn"],
        ["v1.9.dbn", "v1.10.dbn"],
        ["mnq.dbn", "mnq (2).dbn", "mnq-2.dbn", "mnq.restated.dbn"],
        ["20240102.dbn.zst", "20240102-restated.dbn.zst", "20240103.dbn.zst"],
        [f"x{10**60}.dbn", f"x{10**60 + 1}.dbn", f"x{10**61}.dbn"],
        ["a٩.dbn", "a١٠.dbn"][::-1],  # other scripts' digits are text
    ],
)
def test_numbers_in_names_are_compared_as_numbers(fill, ordered):
    assert fill(*ordered[::-1]) == ordered


@given(st.lists(st.text("a1029٣².-/ ", min_size=1, max_size=12), max_size=6))
def test_the_order_is_total_and_does_not_depend_on_the_first_one(names):
    paths = list({Path("raw", name.strip("/") or "x") for name in names})
    ordered = sort_naturally(sorted(paths), Path("raw"))
    assert sort_naturally(paths[::-1], Path("raw")) == ordered
    assert sorted(ordered) == sorted(paths)


@given(st.lists(st.integers(0, 10**30), min_size=2, max_size=6))
def test_names_with_one_number_are_in_the_order_of_the_numbers(numbers):
    paths = [Path("raw", f"mnq{number}.dbn") for number in numbers]
    assert sort_naturally(paths, Path("raw")) == [Path("raw", f"mnq{number}.dbn") for number in sorted(numbers)]


# --- Links -----------------------------------------------------------------------------------------------------------


def test_linked_folders_are_followed_and_each_file_is_listed_once(fill, tmp_path):
    fill("2024/a.dbn", "b.dbn")
    disk = tmp_path / "disk" / "2023"
    disk.mkdir(parents=True)
    (disk / "c.dbn").touch()
    raw = tmp_path / "raw"
    (raw / "2023").symlink_to(disk)
    (raw / "again").symlink_to(disk)
    (raw / "0-latest.dbn").symlink_to(raw / "2024" / "a.dbn")
    (raw / "0-year").symlink_to(raw / "2024")
    assert list_names(tmp_path) == ["2023/c.dbn", "2024/a.dbn", "b.dbn"]


def test_a_loop_of_links_ends(fill, tmp_path):
    fill("a/b/x.dbn")
    raw, disk = tmp_path / "raw", tmp_path / "disk"
    disk.mkdir()
    (disk / "other.dbn").touch()
    (disk / "back").symlink_to(raw)
    (raw / "a" / "b" / "root").symlink_to(raw)
    (raw / "a" / "up").symlink_to(tmp_path)  # it contains more than this folder
    (raw / "disk").symlink_to(disk)
    (tmp_path / "not-given.dbn").touch()

    content = list_folder(raw)

    assert list_names(tmp_path) == ["a/b/x.dbn", "disk/other.dbn"]
    assert content.loops == [raw / "a" / "b" / "root", raw / "a" / "up", raw / "disk" / "back"]


def test_what_can_hide_a_delivery_is_listed(fill, tmp_path):
    fill("empty.dbn/readme.txt", "full.dbn/a.dbn")
    raw = tmp_path / "raw"
    os.mkfifo(raw / "pipe.dbn")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(raw / "socket.dbn"))
    for name in ("gone.dbn", "2023", "other disk", "gone.txt", ".gone"):
        (raw / name).symlink_to(tmp_path / "not mounted" / name)
    expected = ["2023", "empty.dbn", "full.dbn/a.dbn", "gone.dbn", "other disk", "pipe.dbn", "socket.dbn"]
    assert list_names(tmp_path) == expected


def test_partial_downloads_and_other_names_are_separate(fill, tmp_path):
    partial = ["a.dbn.zst.part", "b.dbn.zst.crdownload", "c.dbn.tmp", "d.dbn.zst.6eF3D2c1", "Unconfirmed 1.crdownload"]
    renamed = ["e.dbn.zst.1", "f.dbn (1).zst", "g.dbn.gz", "h.dbz"]
    others = ["i.dbn.zst.sha256", "j.csv", "k.tmp", "manifest.json"]
    assert fill(*partial, *renamed, *others, "l.dbn.download/l.dbn") == []
    content = list_folder(tmp_path / "raw")
    assert sorted(path.name for path in content.partial) == sorted([*partial, "l.dbn.download"])
    assert [path.name for path in content.renamed] == renamed
