"""What is opened is a regular file of a bounded size, whatever has its name: nothing blocks or exhausts the process."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from config.testing.builders import bars, exact, ingest, refuse, save, stored, write
from config.testing.processes import run
from ingestion.batch.files import find_files
from ingestion.dbn.beside.conditions import read_conditions
from ingestion.dbn.beside.definitions import read_definitions_beside
from ingestion.dbn.beside.manifest import read_manifest_entry
from ingestion.dbn.opening import NotRegularFile, open_regular, read_small
from ingestion.dbn.schema import read_schema
from ingestion.dbn.source import SourceFile
from ingestion.errors import UnreadableFile


def make_loop(path: Path) -> None:
    path.symlink_to(path)


def make_socket(path: Path) -> None:
    folder = os.open(path.parent, os.O_RDONLY)
    try:  # the path of a socket has 107 bytes at most
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(f"/proc/self/fd/{folder}/{path.name}")
    finally:
        os.close(folder)


def make_large(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(1 << 33)


def make_linked_fifo(path: Path) -> None:
    fifo = path.with_suffix(".fifo")
    os.mkfifo(fifo)
    path.symlink_to(fifo)


def count_open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


KINDS: dict[str, Callable[[Path], None]] = {
    "fifo": os.mkfifo,
    "folder": Path.mkdir,
    "socket": make_socket,
    "loop": make_loop,
    "zeros": lambda path: path.symlink_to("/dev/zero"),
    "terminal": lambda path: path.symlink_to("/dev/tty"),
    "linked fifo": make_linked_fifo,
    "large": make_large,
}


@pytest.fixture(params=KINDS)
def make(request) -> Callable[[Path], None]:
    return KINDS[request.param]


def test_a_small_file_is_read(tmp_path):
    path = save(tmp_path / "a.json", b"{}")
    assert read_small(path, 2) == b"{}"
    with pytest.raises(OSError, match="larger than"):
        read_small(path, 1)


def test_anything_else_is_not(tmp_path, make):
    make(tmp_path / "a.json")
    with pytest.raises(OSError):
        read_small(tmp_path / "a.json", 1 << 20)


@pytest.mark.parametrize("kind", ["fifo", "folder", "socket", "zeros"])
def test_other_kinds_are_recognised(tmp_path, kind):
    KINDS[kind](tmp_path / "a.json")
    before = count_open_files()
    with pytest.raises(NotRegularFile):
        open_regular(tmp_path / "a.json")
    assert count_open_files() == before


def test_a_path_with_a_nul_is_an_os_error():
    with pytest.raises(OSError, match="Invalid argument"):
        open_regular(Path("a\0b"))


def test_a_manifest_that_is_no_small_file_refuses_the_data(market_db, tmp_path, make):
    path = write(tmp_path / "mnq.dbn", bars(3))
    make(tmp_path / "manifest.json")
    with pytest.raises(UnreadableFile, match=r"cannot be checked against .*manifest\.json, which cannot be read"):
        read_manifest_entry(path)
    assert "manifest.json, which cannot be read" in refuse(path)


def test_conditions_that_are_no_small_file_are_an_error(tmp_path, make):
    make(tmp_path / "condition.json")
    with pytest.raises(UnreadableFile, match=r"condition\.json cannot be read \("):
        read_conditions(tmp_path / "mnq.dbn")


def test_a_definition_file_that_is_no_file_is_an_error(tmp_path, make):
    make(tmp_path / "x.definition.dbn")
    with pytest.raises(UnreadableFile, match=r"x\.definition\.dbn"):
        read_definitions_beside(tmp_path / "es.dbn", "GLBX.MDP3", ["ESH5"])


def test_others_beside_the_data_are_skipped(tmp_path, make):
    make(tmp_path / "x.dbn")
    assert read_schema(tmp_path / "x.dbn") is None
    assert read_definitions_beside(tmp_path / "es.dbn", "GLBX.MDP3", ["ESH5"]) == {}


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"large"}))
def test_the_data_must_be_a_file(tmp_path, kind):
    KINDS[kind](tmp_path / "x.dbn")
    with pytest.raises(UnreadableFile), SourceFile(tmp_path / "x.dbn") as source:
        list(source.read_blocks())


def test_the_other_files_of_the_folder_are_loaded(market_db, tmp_path):
    write(tmp_path / "z.dbn", bars(3))
    for number, make in enumerate(make for kind, make in KINDS.items() if kind != "large"):
        folder = tmp_path / str(number)
        folder.mkdir()
        make(folder / "x.dbn")
        make(folder / "manifest.json")
        make(folder / "y.definition.dbn")
    assert len(find_files([tmp_path]).paths) > 10
    done = run("--input", tmp_path, "--jobs", "1")
    assert (done.code, "Traceback" in done.err) == (1, False)
    assert stored() == exact(bars(3))


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"files": [[]]}',
        b'{"files": [{"filename": "x.dbn"}]}',
        b'{"files": [{"filename": "x.dbn", "size": 1e999, "hash": ""}]}',
        b"[1]",
        b'"a"',
        b'{"files": [{"filename": "x.dbn", "size": ' + b"9" * 5_000 + b', "hash": "a"}]}',
    ],
)
def test_a_manifest_of_any_content_refuses_the_data(market_db, tmp_path, content):
    path = write(tmp_path / "x.dbn", bars(3))
    save(tmp_path / "manifest.json", content)
    assert "manifest.json" in refuse(path)
    save(tmp_path / "manifest.json", b'{"files": []}')
    ingest(path)
