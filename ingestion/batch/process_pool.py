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

from ingestion.batch.one_file import BatchOptions, FileOutcome
from ingestion.batch.worker import OUTCOME, work
from ingestion.cancellation import SIGNALS
from ingestion.errors import ProcessDied
from ingestion.progress import Progress

_LOOK_UP_SECONDS = 0.2  # how often it is asked whether somebody wants to stop


class WorkerProcess:
    """A process that takes files, and the line to it."""

    def __init__(self, options: BatchOptions, progress: Progress) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share this process's connection to the database
        self.line, theirs = context.Pipe()
        self.progress = progress
        self.path: Path | None = None
        self.process: BaseProcess = context.Process(target=work, args=(theirs,), daemon=True)
        # Ctrl-C reaches all processes of a terminal at once, and one that is not ready for it would end in a traceback.
        # Where it has yet to be started, the module's own helper would undo the mask.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self.process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        theirs.close()
        self._send((connections[DEFAULT_DB_ALIAS].settings_dict, options))

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
            what, *arguments = self.line.recv()
        except (EOFError, OSError):  # the latter also where it died in the middle of a message
            self.process.join()
            return self._end(FileOutcome(self.path, error=ProcessDied(self.path, self.process.exitcode)))
        if what == OUTCOME:
            return self._end(*arguments)
        getattr(self.progress, what)(*arguments)
        return None

    def _end(self, outcome: FileOutcome) -> FileOutcome:
        self.path = None
        self.progress.end_file()
        return outcome


class WorkerPool:
    """As many workers as are needed, and at most `jobs`."""

    def __init__(self, jobs: int, options: BatchOptions, new_progress: Callable[[], Progress]) -> None:
        self._jobs, self._options, self._observers = jobs, options, new_progress
        self.workers: list[WorkerProcess] = []

    @property
    def busy(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.path is not None]

    @property
    def has_room(self) -> bool:
        return len(self.busy) < self._jobs

    def give(self, path: Path) -> None:
        self.workers = self.busy + [worker for worker in self.workers if worker.waits]  # some may have died idle
        idle = next((worker for worker in self.workers if worker.path is None), None)
        if idle is None:
            idle = WorkerProcess(self._options, self._observers())
            self.workers.append(idle)
        idle.give(path)

    def outcomes(self) -> Iterator[FileOutcome]:
        """What the workers said, or nothing if they say nothing for a moment."""
        lines: dict[Connection, WorkerProcess] = {worker.line: worker for worker in self.busy}
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
def worker_pool(jobs: int, options: BatchOptions, new_progress: Callable[[], Progress]) -> Iterator[WorkerPool]:
    """Behind the block no worker is left: each ends its file, finds that nobody sends another, and goes."""
    pool = WorkerPool(jobs, options, new_progress)
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
