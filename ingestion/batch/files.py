"""Which files the inputs of a command name."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ingestion.dbn.folders import FolderContent, list_folder, sort_naturally
from ingestion.dbn.schema import DEFINITION, read_schema
from ingestion.dbn.text import to_printable
from marketdata.formatting import format_list


@dataclass(frozen=True)
class InputFiles:
    """The files of a command, each once, in the order in which they are loaded.

    `listed`: those that were found in a folder, not named themselves. `notes`: sentences about what was not loaded.
    """

    paths: tuple[Path, ...] = ()
    listed: frozenset[Path] = frozenset()
    notes: tuple[str, ...] = ()

    def list_after(self, path: Path) -> tuple[Path, ...]:
        """The files that are loaded after this one."""
        return self.paths[self.paths.index(path) + 1 :] if path in self.paths else ()


def find_files(inputs: Iterable[Path]) -> InputFiles:
    """Find the files of the inputs: files as named, folders replaced by their deliveries in natural order.

    A folder without deliveries, or with definition files alone, stays in the list, so that it fails like an unreadable
    file, with a run in the audit trail. What cannot be read stays too: without it, missing files would be hidden.
    """
    found: dict[str, Path] = {}
    named: set[str] = set()
    notes: list[str] = []
    for path in inputs:
        # os.path.isdir() returns False below a folder without search permission, where Path.is_dir() raises.
        content = list_folder(path) if os.path.isdir(path) else FolderContent()  # noqa: PTH112
        files = sort_naturally([*content.files, *content.unreadable], path)
        notes += _describe_rest(content)
        if all(read_schema(file) == DEFINITION for file in files):
            files = [path]
            named.add(os.path.realpath(path))
        for file in files:
            found.setdefault(os.path.realpath(file), file)
    listed = frozenset(file for real, file in found.items() if real not in named)
    return InputFiles(tuple(found.values()), listed, tuple(notes))


def _describe_rest(content: FolderContent) -> Iterator[str]:
    if content.partial:
        yield f"Downloads that are not complete, so they are not loaded: {_format_paths(content.partial)}."
    if content.renamed:
        yield f"Not loaded, since their names do not end in .dbn or .dbn.zst: {_format_paths(content.renamed)}."
    if content.loops:
        yield f"Links to a folder that contains them, so they are not followed: {_format_paths(content.loops)}."


def _format_paths(paths: list[Path]) -> str:
    return format_list([to_printable(str(path)) for path in paths])
