"""Several files at a time, each in a worker process; outcomes are reported as the files end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ingestion.batch.one_file import BatchOptions, FileOutcome, ingest_one
from ingestion.batch.process_pool import worker_pool
from ingestion.batch.schedule import Schedule
from ingestion.database import require_database, translate_database_errors
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, Interrupted, UnreadableFile, WrongContent
from ingestion.options import IngestOptions
from ingestion.progress import Progress
from ingestion.reader import FileReader
from ingestion.symbology.series import propose_slug


def ingest_in_parallel(
    *, paths: list[Path], options: BatchOptions, new_progress: Callable[[], Progress], jobs: int
) -> Iterator[FileOutcome]:
    """What `batch.ingest_files` promises, with `jobs` processes. Outcomes come as the files end."""
    progress = new_progress()
    try:
        with translate_database_errors(progress):
            progress.raise_if_cancelled()
            require_database()
    except IngestError as error:
        yield FileOutcome(paths[0], error=error)
        return
    schedule = Schedule(paths, lambda path: _series_of(path, options.options, progress))
    ended = False
    for outcome in _one_after_another(schedule, options, progress):
        ended = outcome.ends_batch
        yield outcome
    if schedule.waiting and not ended:
        yield from _side_by_side(schedule, options, new_progress, jobs=jobs, progress=progress)


def _one_after_another(schedule: Schedule, options: BatchOptions, progress: Progress) -> Iterator[FileOutcome]:
    """Files that nothing could be taken beside, here: another process would only cost its start."""
    while path := schedule.take_alone():
        outcome = ingest_one(path, options, progress)
        yield outcome
        if outcome.ends_batch:
            return
        schedule.end(path)


def _side_by_side(
    schedule: Schedule, options: BatchOptions, new_progress: Callable[[], Progress], *, jobs: int, progress: Progress
) -> Iterator[FileOutcome]:
    """All that is left, each as soon as it may go and somebody has room for it."""
    stop: Interrupted | None = None
    ending = False
    with worker_pool(jobs, options, new_progress) as pool:
        while True:
            while not ending and pool.has_room and (path := schedule.take()):
                pool.give(path)
            if not pool.busy:
                break
            for outcome in pool.outcomes():
                schedule.end(outcome.path)
                ending = ending or outcome.ends_batch
                stop = None if isinstance(outcome.error, Interrupted) else stop
                yield outcome
            if not ending and (stop := _asked_to_stop(progress)):
                ending = True
                pool.signal(stop.signal_number)
    if stop and schedule.waiting:  # all that was being taken came to its end: the next file is the first not to
        yield FileOutcome(schedule.waiting[0], error=stop)


def _asked_to_stop(progress: Progress) -> Interrupted | None:
    try:
        progress.raise_if_cancelled()
    except Interrupted as stop:
        return stop
    return None


def _series_of(path: Path, options: IngestOptions, progress: Progress) -> frozenset[str] | None:
    """The series that the file may write to: none if it cannot be one of bars, None if that cannot be told now.

    By the slugs that they would get: of two symbols that look alike in an address, the first one has it.
    """
    try:
        with translate_database_errors(progress), SourceFile(path) as source:
            return frozenset(map(propose_slug, FileReader(source, options).possible_symbols))
    except (UnreadableFile, WrongContent):
        return frozenset()
    except IngestError:  # it may look otherwise once the files before it are in
        return None
