"""Several files at a time, each in a process of its own, shown as one work: what becomes of each file is told here, and
whoever stops this process stops them all."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from ingestion.batch.one_file import FileOutcome, Order, take_file
from ingestion.batch.schedule import Schedule
from ingestion.batch.worker import OUTCOME, work
from ingestion.cancellation import SIGNALS
from ingestion.database import database_errors_in_words, require_database
from ingestion.dbn.source import SourceFile
from ingestion.errors import IngestError, Interrupted, ProcessDied, UnreadableFile, WrongContent
from ingestion.options import IngestOptions
from ingestion.progress import Observer
from ingestion.reader import PreparedFile
from ingestion.symbology.series import propose_slug

_LOOK_UP_SECONDS = 0.2  # how often it is asked whether somebody wants to stop


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
    with _worker_pool(jobs, order, observers) as pool:
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


class _Worker:
    """A process that takes files, and the line to it."""

    def __init__(self, order: Order, observer: Observer) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share this process's connection to the database
        self.line, theirs = context.Pipe()
        self.observer = observer
        self.path: Path | None = None
        self.process: BaseProcess = context.Process(target=work, args=(theirs,), daemon=True)
        # Ctrl-C reaches all processes of a terminal at once, and one that is not ready for it would end in a traceback.
        # Where it has yet to be started, the module's own helper would undo the mask.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self.process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._send((connections[DEFAULT_DB_ALIAS].settings_dict, order))

    @property
    def waits(self) -> bool:
        return self.path is None and self.process.is_alive()

    def give(self, path: Path) -> None:
        self.path = path
        self._send(path)

    def _send(self, message: object) -> None:
        with suppress(ConnectionError):  # if it died, its silence will tell
            self.line.send(message)

    def outcome(self) -> FileOutcome | None:
        """Hear one message; the outcome if it is one, or if the process died."""
        try:
            what, *facts = self.line.recv()
        except (EOFError, OSError):  # the latter also where it died in the middle of a message
            self.process.join()
            return self._end(FileOutcome(self.path, error=ProcessDied(self.path, self.process.exitcode)))
        if what == OUTCOME:
            return self._end(*facts)
        getattr(self.observer, what)(*facts)
        return None

    def _end(self, outcome: FileOutcome) -> FileOutcome:
        self.path = None
        self.observer.end_file()
        return outcome


class _Pool:
    """As many workers as are needed, and at most `jobs`."""

    def __init__(self, jobs: int, order: Order, observers: Callable[[], Observer]) -> None:
        self._jobs, self._order, self._observers = jobs, order, observers
        self.workers: list[_Worker] = []

    @property
    def busy(self) -> list[_Worker]:
        return [worker for worker in self.workers if worker.path is not None]

    @property
    def has_room(self) -> bool:
        return len(self.busy) < self._jobs

    def give(self, path: Path) -> None:
        self.workers = self.busy + [worker for worker in self.workers if worker.waits]  # some may have died idle
        idle = next((worker for worker in self.workers if worker.path is None), None)
        if idle is None:
            idle = _Worker(self._order, self._observers())
            self.workers.append(idle)
        idle.give(path)

    def outcomes(self) -> Iterator[FileOutcome]:
        """What the workers said, or nothing if they say nothing for a moment."""
        lines: dict[Connection, _Worker] = {worker.line: worker for worker in self.busy}
        for line in wait(list(lines), _LOOK_UP_SECONDS):
            worker = lines[line]
            outcome = worker.outcome()
            if outcome is not None:
                if isinstance(outcome.error, ProcessDied):
                    self.workers.remove(worker)
                yield outcome

    def signal(self, number: int) -> None:
        for worker in self.busy:
            if worker.process.is_alive():
                os.kill(worker.process.pid, number)


@contextmanager
def _worker_pool(jobs: int, order: Order, observers: Callable[[], Observer]) -> Iterator[_Pool]:
    """Behind the block no worker is left: each ends its file, finds that nobody sends another, and goes."""
    pool = _Pool(jobs, order, observers)
    try:
        yield pool
    except BaseException:
        pool.signal(signal.SIGTERM)
        raise
    finally:
        for worker in pool.workers:
            worker.line.close()
        for worker in pool.workers:
            worker.process.join()
