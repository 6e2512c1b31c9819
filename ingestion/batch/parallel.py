"""Several files at a time, each in a worker process; outcomes are reported as the files end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from ingestion.batch.one_file import FileOutcome, Order, take_file
from ingestion.batch.process_pool import worker_pool
from ingestion.batch.schedule import Schedule
from ingestion.database import database_errors_in_words, require_database
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, Interrupted, UnreadableFile, WrongContent
from ingestion.options import IngestOptions
from ingestion.progress import Observer
from ingestion.reader import PreparedFile
from ingestion.symbology.series import propose_slug


def take_in_parallel(
    *, paths: list[Path], order: Order, observers: Callable[[], Observer], jobs: int
) -> Iterator[FileOutcome]:
    """What `batch.ingest_files` promises, with `jobs` processes. Outcomes come as the files end."""
    watch = observers()
    try:
        with database_errors_in_words(watch):
            watch.check()
            require_database()
    except IngestError as error:
        yield FileOutcome(paths[0], error=error)
        return
    schedule = Schedule(paths, lambda path: _series_of(path, order.options, watch))
    ended = False
    for outcome in _one_after_another(schedule, order, watch):
        ended = outcome.ends_the_work
        yield outcome
    if schedule.waiting and not ended:
        yield from _side_by_side(schedule, order, observers, jobs=jobs, watch=watch)


def _one_after_another(schedule: Schedule, order: Order, watch: Observer) -> Iterator[FileOutcome]:
    """Files that nothing could be taken beside, here: another process would only cost its start."""
    while path := schedule.take_alone():
        outcome = take_file(path, order, watch)
        yield outcome
        if outcome.ends_the_work:
            return
        schedule.end(path)


def _side_by_side(
    schedule: Schedule, order: Order, observers: Callable[[], Observer], *, jobs: int, watch: Observer
) -> Iterator[FileOutcome]:
    """All that is left, each as soon as it may go and somebody has room for it."""
    stop: Interrupted | None = None
    ending = False
    with worker_pool(jobs, order, observers) as pool:
        while True:
            while not ending and pool.has_room and (path := schedule.take()):
                pool.give(path)
            if not pool.busy:
                break
            for outcome in pool.outcomes():
                schedule.end(outcome.path)
                ending = ending or outcome.ends_the_work
                stop = None if isinstance(outcome.error, Interrupted) else stop
                yield outcome
            if not ending and (stop := _asked_to_stop(watch)):
                ending = True
                pool.signal(stop.signal_number)
    if stop and schedule.waiting:  # all that was being taken came to its end: the next file is the first not to
        yield FileOutcome(schedule.waiting[0], error=stop)


def _asked_to_stop(watch: Observer) -> Interrupted | None:
    try:
        watch.check()
    except Interrupted as stop:
        return stop
    return None


def _series_of(path: Path, options: IngestOptions, watch: Observer) -> frozenset[str] | None:
    """The series that the file may write to: none if it cannot be one of bars, None if that cannot be told now.

    By the slugs that they would get: of two symbols that look alike in an address, the first one has it.
    """
    try:
        with database_errors_in_words(watch), SourceFile(path) as source:
            return frozenset(map(propose_slug, PreparedFile(source, options).possible_symbols))
    except (UnreadableFile, WrongContent):
        return frozenset()
    except IngestError:  # it may look otherwise once the files before it are in
        return None
