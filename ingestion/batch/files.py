"""Which files the inputs of a command name, and which a folder has beside them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ingestion.dbn.signatures import DBN_SUFFIXES

# Folders that systems keep beside the user's own files: trash, copies, indexes.
_SYSTEM_FOLDERS = {"$recycle.bin", "system volume information", "lost+found", "@eadir", "__macosx", "#recycle"}
# What browsers, curl, rsync and Databento's client call a file that is not complete yet.
_PARTIAL_SUFFIXES = (".part", ".partial", ".crdownload", ".download", ".tmp")
_NUMBER = re.compile("([0-9]+)")


@dataclass(frozen=True)
class FoundFiles:
    """`files` to ingest, in order, each once; `partial` downloads that a folder has, which are not ingested."""

    files: list[Path] = field(default_factory=list)
    partial: list[Path] = field(default_factory=list)


def find_files(inputs: Iterable[Path]) -> FoundFiles:
    """List the files of the inputs: files as named, folders replaced by their DBN files in natural order.

    Links to folders are followed, each folder once. Hidden names and the folders of systems are no deliveries. A folder
    without DBN files stays in the list, so that it fails like an unreadable file, with a run in the audit trail.
    """
    found: dict[str, Path] = {}
    partial: list[Path] = []
    for path in inputs:
        listed = _list_folder(path) if _is_folder(path) else []
        partial += [one for one in listed if _is_partial(one)]
        for file in [one for one in listed if not _is_partial(one)] or [path]:
            found.setdefault(os.path.realpath(file), file)
    return FoundFiles(list(found.values()), partial)


def sort_naturally(path: Path) -> list:
    """A key that sorts paths as people read them: `batch_9` before `batch_10`, in each folder by itself."""
    return [([_sort_part(part) for part in _NUMBER.split(name) if part], name) for name in path.parts]


def _sort_part(part: str) -> tuple[int, int, str]:
    """Numbers first, by size: of two without leading zeros, the longer one is larger."""
    if not _NUMBER.fullmatch(part):
        return 1, 0, part
    digits = part.lstrip("0")
    return 0, len(digits), digits


def _list_folder(path: Path) -> list[Path]:
    """The DBN files and partial downloads in a folder and those below it; folders that cannot be listed stay in the
    list, since leaving them out would hide that files are missing."""
    return sorted(_walk(path, {os.path.realpath(path)}), key=sort_naturally)


def _walk(folder: Path, visited: set[str]) -> Iterator[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries)
    except OSError:
        yield folder
        return
    for name in names:
        path = folder / name
        if name.startswith(".") or name.lower() in _SYSTEM_FOLDERS:
            continue
        if _is_folder(path):
            real = os.path.realpath(path)
            if real not in visited:  # a link can lead back to a folder above it
                visited.add(real)
                yield from _walk(path, visited)
        elif name.lower().endswith(DBN_SUFFIXES) or _is_partial(path):
            yield path


def _is_partial(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(_PARTIAL_SUFFIXES) and any(f"{suffix}." in name for suffix in DBN_SUFFIXES)


def _is_folder(path: Path) -> bool:
    # os.path.isdir() returns False below a folder without search permission, where Path.is_dir() raises.
    return os.path.isdir(path)  # noqa: PTH112
