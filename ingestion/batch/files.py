"""Which files the inputs of a command name."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

DBN_SUFFIXES = (".dbn", ".dbn.zst")


def find_files(inputs: Iterable[Path]) -> list[Path]:
    """List the files of the inputs, each once: files as named, folders replaced by their .dbn and .dbn.zst files in the
    order of their paths.

    A folder without DBN files stays in the list, so that it fails like an unreadable file, with a run in the audit
    trail.
    """
    found: dict[str, Path] = {}
    for path in inputs:
        for file in _list_folder(path) or [path]:
            found.setdefault(os.path.realpath(file), file)
    return list(found.values())


def _list_folder(path: Path) -> list[Path]:
    # os.path.isdir() returns False below a folder without search permission, where Path.is_dir() raises.
    if not os.path.isdir(path):  # noqa: PTH112
        return []
    unreadable: list[str] = []  # in the list like files, since leaving them out would hide that files are missing
    folders = os.walk(path, onerror=lambda error: unreadable.append(error.filename))
    found = [Path(folder, name) for folder, _, names in folders for name in names if name.endswith(DBN_SUFFIXES)]
    return sorted(found + [Path(folder) for folder in unreadable])
