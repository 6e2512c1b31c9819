"""Several files: which they are, each taken in turn or some at a time; one that is refused does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ingestion.batch.one_file import BatchOptions, FileOutcome, ingest_one
from ingestion.progress import Progress


def ingest_files(
    *, paths: list[Path], options: BatchOptions, new_progress: Callable[[], Progress], jobs: int = 1
) -> Iterator[FileOutcome]:
    """Take the files, `jobs` at a time, each job with an observer, and say of each what became of it as soon as it is
    known. An interruption, or a database that cannot be used, ends the work.

    The table is in the end as if they had been taken one after the other.
    """
    if min(jobs, len(paths)) > 1:
        from ingestion.batch.parallel import ingest_in_parallel

        yield from ingest_in_parallel(
            paths=paths, options=options, new_progress=new_progress, jobs=min(jobs, len(paths))
        )
        return
    progress = new_progress()
    for path in paths:
        outcome = ingest_one(path, options, progress)
        yield outcome
        if outcome.ends_batch:
            return
