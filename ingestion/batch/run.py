"""Several files: which they are, each taken in turn or some at a time; one that is refused does not stop the others."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from ingestion.batch.one_file import FileOutcome, Order, take_file
from ingestion.progress import Observer

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


def ingest_files(
    *, paths: list[Path], order: Order, observers: Callable[[], Observer], jobs: int = 1
) -> Iterator[FileOutcome]:
    """Take the files, `jobs` at a time, each job with an observer, and say of each what became of it as soon as it is
    known. An interruption, or a database that cannot be used, ends the work.

    The table is in the end as if they had been taken one after the other.
    """
    if min(jobs, len(paths)) > 1:
        from ingestion.batch.process_pool import take_in_parallel

        yield from take_in_parallel(paths=paths, order=order, observers=observers, jobs=min(jobs, len(paths)))
        return
    observer = observers()
    for path in paths:
        outcome = take_file(path, order, observer)
        yield outcome
        if outcome.ends_the_work:
            return
