"""Which files the inputs of a command stand for."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

SUFFIXES = (".dbn", ".dbn.zst")


def find_files(inputs: Iterable[Path]) -> list[Path]:
    """The files that the inputs stand for, each once: files as named, folders by their .dbn and .dbn.zst files in the
    order of their names. A folder without any stands for itself, so that it is refused and audited like a bad file."""
    found: dict[str, Path] = {}
    for path in inputs:
        for file in _files_inside(path) or [path]:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def _files_inside(path: Path) -> list[Path]:
    # os.path.isdir() says no where Path.is_dir() raises: below a folder that may not be entered.
    if not os.path.isdir(path):  # noqa: PTH112
        return []
    closed: list[str] = []  # folders that may not be entered stand for themselves: none is passed over in silence
    folders = os.walk(path, onerror=lambda error: closed.append(error.filename))
    found = [Path(folder, name) for folder, _, names in folders for name in names if name.endswith(SUFFIXES)]
    return sorted(found + [Path(folder) for folder in closed])
