"""Several files: which they are, each taken in turn or some at a time; one that is refused does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ingestion.batch.one_file import FileOutcome, Order, take_file
from ingestion.progress import Observer


def ingest_files(
    *, paths: list[Path], order: Order, observers: Callable[[], Observer], jobs: int = 1
) -> Iterator[FileOutcome]:
    """Take the files, `jobs` at a time, each job with an observer, and say of each what became of it as soon as it is
    known. An interruption, or a database that cannot be used, ends the work.

    The table is in the end as if they had been taken one after the other.
    """
    if min(jobs, len(paths)) > 1:
        from ingestion.batch.parallel import take_in_parallel

        yield from take_in_parallel(paths=paths, order=order, observers=observers, jobs=min(jobs, len(paths)))
        return
    observer = observers()
    for path in paths:
        outcome = take_file(path, order, observer)
        yield outcome
        if outcome.ends_the_work:
            return
