"""Ingest several files at a time, each in a worker process."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from ingestion.batch.one_file import BatchOptions, ingest_one
from ingestion.batch.outcomes import Failed, FileOutcome, ends_batch
from ingestion.batch.process_pool import open_worker_pool
from ingestion.batch.schedule import Schedule
from ingestion.database import require_database, translate_database_errors
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, Interrupted, UnexpectedError, UnreadableFile, WrongContent, refuse_failures
from ingestion.options import IngestOptions
from ingestion.progress import Progress
from ingestion.reader import FileReader
from ingestion.symbology.series import propose_slug
from marketdata.contracts.symbols import shorten_years


def ingest_in_parallel(
    *, paths: list[Path], options: BatchOptions, create_progress: Callable[[], Progress], jobs: int
) -> Generator[FileOutcome, None, None]:
    """Do what `ingest_files` documents with `jobs` processes. Outcomes come in the order in which files end."""
    progress = create_progress()
    try:
        with translate_database_errors(progress):
            progress.raise_if_cancelled()
            require_database()
    except IngestError as error:
        yield Failed(paths[0], error)
        return
    schedule = Schedule(paths, lambda path: find_series_slugs(path, options.ingest_options, progress))
    is_ended = False
    for outcome in _ingest_in_this_process(schedule, options, progress):
        is_ended = ends_batch(outcome)
        yield outcome
    if schedule.waiting and not is_ended:
        yield from _ingest_in_workers(schedule, options, create_progress, jobs=jobs, progress=progress)


def find_series_slugs(path: Path, options: IngestOptions, progress: Progress) -> frozenset[str] | None:
    """Return the slugs of the series that the file may write to: empty if it holds no bars, None if unknown so far.

    Slugs, not symbols: two symbols can have the same slug, and then the first file's symbol gets it. All contracts of
    one code count as one series.
    """
    try:
        with (
            refuse_failures(path),
            translate_database_errors(progress),
            SourceFile(path, progress.raise_if_cancelled) as source,
        ):
            symbols = FileReader(source, options).possible_symbols
            return frozenset(propose_slug(shorten_years(symbol)) for symbol in symbols)
    except (UnreadableFile, WrongContent, UnexpectedError):
        return frozenset()
    except IngestError:  # an earlier file of the batch may create the series that this one needs
        return None


def _ingest_in_this_process(schedule: Schedule, options: BatchOptions, progress: Progress) -> Iterator[FileOutcome]:
    """Ingest files here while no other file can run in parallel: starting a process takes longer than a small file."""
    while path := schedule.start_only():
        outcome = ingest_one(path, options, progress)
        yield outcome
        if ends_batch(outcome):
            return
        schedule.finish(path)


def _ingest_in_workers(
    schedule: Schedule,
    options: BatchOptions,
    create_progress: Callable[[], Progress],
    *,
    jobs: int,
    progress: Progress,
) -> Iterator[FileOutcome]:
    cancelled: Interrupted | None = None
    is_ending = False
    with open_worker_pool(jobs, options, create_progress) as pool:
        while True:
            while not is_ending and pool.has_capacity and (path := schedule.start_next()):
                pool.assign(path)
            if not pool.busy:
                break
            for outcome in pool.receive_outcomes():
                schedule.finish(outcome.path)
                is_ending = is_ending or ends_batch(outcome)
                match outcome:
                    case Failed(error=Interrupted()):  # it reports the cancellation
                        cancelled = None
                yield outcome
            if not is_ending and (cancelled := _find_cancellation(progress)):
                is_ending = True
                pool.send_signal(cancelled.signal_number)
    if cancelled and schedule.waiting:  # every running file completed, so the first waiting file reports it
        yield Failed(schedule.waiting[0], cancelled)


def _find_cancellation(progress: Progress) -> Interrupted | None:
    try:
        progress.raise_if_cancelled()
    except Interrupted as cancelled:
        return cancelled
    return None
