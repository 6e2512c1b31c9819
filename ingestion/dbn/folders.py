"""Which files below a folder are deliveries: DBN files by name, but no trash, hidden names or partial downloads."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

DBN_SUFFIXES = (".dbn", ".dbn.zst")
_DBN_NAME = re.compile(r"(?i)\.dbn(\.zst)?$")
# The names that browsers and download programs give to a file until it is complete; the last one is the AWS client's.
_PARTIAL_DOWNLOAD = re.compile(
    r"(?i)(\.(part|partial|crdownload|opdownload|filepart|aria2)"
    r"|\.dbn(\..*)?\.(tmp|temp|download|incomplete|unfinished|!ut|!qb)"
    r"|\.dbn(\.zst)?\.[0-9a-f]{8})$"
)
# Complete files that a program has named or packed in another way: the second download of a name, an archive.
_RENAMED = re.compile(
    r"(?i)(\.dbn(\.zst)?(\.\d{1,3}|\.(gz|bz2|xz|lz4|zip|7z|gpg|age))|\.dbn\.zstd|\.dbn ?\(\d+\)(\.zst)?|\.dbz)$"
)
# Folders that an operating system, an archive or a network drive adds. Others begin with a dot.
_SYSTEM_FOLDERS = {
    *("__macosx", "$recycle.bin", "recycler", "system volume information", "lost+found"),
    *("@eadir", "@recycle", "#recycle", "#snapshot"),
}
_DBN_PART = re.compile(r"(?i)\.dbn\b")
_FILE_EXTENSION = re.compile(r"\.[A-Za-z]\w*$")


@dataclass
class FolderContent:
    """What a folder has, with all folders below it, as paths that begin with its own.

    `files`: deliveries in natural order, each real file once; also what can hide a delivery, so that it is reported:
    a link whose target is missing, and a folder named like a DBN file that has none. `unreadable`: folders that cannot
    be listed. `partial`: downloads that are not complete. `renamed`: files whose names do not end as those of
    deliveries, although they seem to be DBN. `loops`: links to a folder that contains them.
    """

    files: list[Path] = field(default_factory=list)
    unreadable: list[Path] = field(default_factory=list)
    partial: list[Path] = field(default_factory=list)
    renamed: list[Path] = field(default_factory=list)
    loops: list[Path] = field(default_factory=list)


def list_folder(folder: Path) -> FolderContent:
    """List the deliveries below a folder, in linked folders too. Never raises for what cannot be read."""
    content = FolderContent()
    visited: set[str] = set()
    waiting = [folder]
    # Links come after all real folders: a file that both lead to gets the place of its real path.
    while waiting:
        linked: list[Path] = []
        for start in waiting:
            linked += _walk(start, visited, content)
        waiting = [link for link in sort_naturally(linked, folder) if not _is_loop(link, folder, content)]
    content.files = sort_naturally(_drop_repeated(content.files), folder)
    content.partial = sort_naturally(content.partial, folder)
    content.renamed = sort_naturally(content.renamed, folder)
    return content


def sort_naturally(paths: list[Path], folder: Path) -> list[Path]:
    """Sort paths below `folder` as a person reads them: numbers by value, in every part of a path (batch_9 before
    batch_10), and a name before the longer ones that it begins (mnq.dbn before mnq-2.dbn)."""
    return sorted(paths, key=lambda path: _build_key(path.relative_to(folder)))


def _build_key(path: Path) -> tuple:
    stem = _DBN_NAME.sub("", path.name)
    return [_split_numbers(part) for part in (*path.parent.parts, stem)], path.parts


def _split_numbers(text: str) -> list[str | tuple[int, str]]:
    """Text and numbers in turn, text first. A number's length without zeros comes before its digits, so that numbers of
    any size compare by value."""
    parts = re.split("([0-9]+)", text)
    numbers = [(len(digits := part.lstrip("0")), digits) for part in parts[1::2]]
    return [*(item for pair in zip(parts[::2], numbers, strict=False) for item in pair), parts[-1]]


def _walk(start: Path, visited: set[str], content: FolderContent) -> Iterator[Path]:
    """Add what is below `start` without following links. Yields the links to folders."""
    walk = os.walk(start, onerror=lambda error: content.unreadable.append(Path(error.filename)))
    for name, folders, files in walk:
        if (real := os.path.realpath(name)) in visited:
            folders.clear()
            continue
        visited.add(real)
        here = Path(name)
        folders[:] = sorted(filter(_is_user_name, folders))
        partial = [folder for folder in folders if _DBN_PART.search(folder) and _PARTIAL_DOWNLOAD.search(folder)]
        folders[:] = [folder for folder in folders if folder not in partial]
        content.partial += [here / folder for folder in partial]
        content.files += [here / folder for folder in folders if _is_empty_delivery(here / folder)]
        for file in filter(_is_user_name, files):
            _add_file(here / file, content)
        yield from (here / folder for folder in folders if os.path.islink(here / folder))  # noqa: PTH114


def _is_user_name(name: str) -> bool:
    return not name.startswith(".") and name.lower() not in _SYSTEM_FOLDERS


def _add_file(path: Path, content: FolderContent) -> None:
    if _DBN_NAME.search(path.name) or _is_missing_folder(path):
        content.files.append(path)
    elif _PARTIAL_DOWNLOAD.search(path.name):
        content.partial.append(path)
    elif _RENAMED.search(path.name):
        content.renamed.append(path)


def _is_missing_folder(path: Path) -> bool:
    """Whether a path may be a link to a folder that is missing: one on a disk that is not mounted."""
    return os.path.islink(path) and not _FILE_EXTENSION.search(path.name) and not os.path.exists(path)  # noqa: PTH110, PTH114 - these do not raise


def _is_empty_delivery(folder: Path) -> bool:
    """Whether a folder is named like a DBN file and has none."""
    if not _DBN_NAME.search(folder.name) or folder.is_symlink():
        return False
    return not any(_DBN_NAME.search(name) for _, _, names in os.walk(folder) for name in names)


def _is_loop(link: Path, folder: Path, content: FolderContent) -> bool:
    """Whether the link's target contains the link or `folder`: to follow it would list what is not below them."""
    target = Path(os.path.realpath(link))
    is_loop = any(Path(os.path.realpath(inside)).is_relative_to(target) for inside in (link.parent, folder))
    if is_loop:
        content.loops.append(link)
    return is_loop


def _drop_repeated(paths: list[Path]) -> list[Path]:
    """Each real file once: by its own path, or else by the first link."""
    found: dict[str, Path] = {}
    for path in sorted(paths, key=lambda path: (path.is_symlink(), path)):
        found.setdefault(os.path.realpath(path), path)
    return list(found.values())
