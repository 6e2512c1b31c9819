"""Ingest a batch of files, one after another or several at a time. A file that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path

from ingestion.batch.one_file import BatchOptions, ingest_one
from ingestion.batch.outcomes import FileOutcome, ends_batch
from ingestion.progress import Progress


def ingest_files(
    *, paths: list[Path], options: BatchOptions, create_progress: Callable[[], Progress], jobs: int = 1
) -> Generator[FileOutcome, None, None]:
    """Ingest the files, up to `jobs` at a time, and yield each outcome when its file ends.

    `create_progress` is called once per job. An interruption or an unusable database ends the batch. The table ends as
    if the files had been ingested one after another.
    """
    if min(jobs, len(paths)) > 1:
        from ingestion.batch.parallel import ingest_in_parallel

        yield from ingest_in_parallel(
            paths=paths, options=options, create_progress=create_progress, jobs=min(jobs, len(paths))
        )
        return
    progress = create_progress()
    for path in paths:
        outcome = ingest_one(path, options, progress)
        yield outcome
        if ends_batch(outcome):
            return
