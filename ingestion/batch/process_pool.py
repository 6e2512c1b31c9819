"""The worker processes of a parallel batch. The parent shows the progress of all of them and stops all of them."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, connections

from ingestion.batch.one_file import BatchOptions
from ingestion.batch.outcomes import Failed, FileOutcome
from ingestion.batch.worker import OUTCOME, run_worker
from ingestion.cancellation import SIGNALS
from ingestion.errors import ProcessDied
from ingestion.progress import Progress

_POLL_SECONDS = 0.2  # how long a signal to the parent can wait until the workers receive it


class WorkerProcess:
    """A process that ingests files, and the parent's end of the pipe to it."""

    def __init__(self, options: BatchOptions, progress: Progress) -> None:
        context = multiprocessing.get_context("spawn")  # a fork would share this process's connection to the database
        self.pipe, worker_pipe = context.Pipe()
        self.progress = progress
        self.path: Path | None = None
        self.process: BaseProcess = context.Process(target=run_worker, args=(worker_pipe,), daemon=True)
        # Ctrl-C reaches all processes of a terminal at once. A worker without handlers would end in a traceback, so it
        # starts with the signals blocked. Starting the resource tracker removes the block, so it starts before.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
        self.process.start()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        worker_pipe.close()
        self._send((connections[DEFAULT_DB_ALIAS].settings_dict, options))

    @property
    def is_idle(self) -> bool:
        return self.path is None and self.process.is_alive()

    def assign(self, path: Path) -> None:
        self.path = path
        self._send(path)

    def _send(self, message: object) -> None:
        with suppress(ConnectionError):  # the worker has died, which receive() reports
            self.pipe.send(message)

    def receive(self) -> FileOutcome | None:
        """Receive one message. Return the outcome if the file has ended or the process has died, else None."""
        try:
            name, *arguments = self.pipe.recv()
        except (EOFError, OSError):  # OSError if the process died while it sent a message
            self.process.join()
            assert self.path is not None  # only workers with a file are waited for
            return self._end_file(Failed(self.path, ProcessDied(self.path, self.process.exitcode or 0)))
        if name == OUTCOME:
            return self._end_file(*arguments)
        getattr(self.progress, name)(*arguments)
        return None

    def _end_file(self, outcome: FileOutcome) -> FileOutcome:
        self.path = None
        self.progress.end_file()
        return outcome


class WorkerPool:
    """Up to `jobs` worker processes, started when a file is assigned and no worker is idle."""

    def __init__(self, jobs: int, options: BatchOptions, create_progress: Callable[[], Progress]) -> None:
        self._jobs, self._options, self._create_progress = jobs, options, create_progress
        self.workers: list[WorkerProcess] = []

    @property
    def busy(self) -> list[WorkerProcess]:
        return [worker for worker in self.workers if worker.path is not None]

    @property
    def has_capacity(self) -> bool:
        return len(self.busy) < self._jobs

    def assign(self, path: Path) -> None:
        """Give the file to an idle worker, or to a new one."""
        idle = [worker for worker in self.workers if worker.is_idle]
        self.workers = self.busy + idle  # without the workers that died idle
        if not idle:
            idle = [WorkerProcess(self._options, self._create_progress())]
            self.workers += idle
        idle[0].assign(path)

    def receive_outcomes(self) -> Iterator[FileOutcome]:
        """Yield the outcomes of files that have ended. Returns after `_POLL_SECONDS` without a message."""
        busy = self.busy
        ready = wait([worker.pipe for worker in busy], _POLL_SECONDS)
        for worker in (worker for worker in busy if worker.pipe in ready):
            outcome = worker.receive()
            match outcome:
                case None:
                    continue
                case Failed(error=ProcessDied()):
                    self.workers.remove(worker)
            yield outcome

    def send_signal(self, number: int) -> None:
        for worker in self.busy:
            if worker.process.is_alive() and worker.process.pid is not None:
                os.kill(worker.process.pid, number)


@contextmanager
def open_worker_pool(jobs: int, options: BatchOptions, create_progress: Callable[[], Progress]) -> Iterator[WorkerPool]:
    """No worker outlives the block. At its end each worker completes its file, finds its pipe closed and exits."""
    pool = WorkerPool(jobs, options, create_progress)
    try:
        yield pool
    except BaseException:
        pool.send_signal(signal.SIGTERM)
        raise
    finally:
        for worker in pool.workers:
            worker.pipe.close()
        for worker in pool.workers:
            worker.process.join()
