"""Receives the live feeds of all datasets in a thread with an event loop of its own. It never uses the database."""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ingestion.errors import IngestError
from ingestion.feeds.key import read_key
from ingestion.feeds.live.messages import Event, FeedStopped
from ingestion.feeds.live.options import LiveOptions
from ingestion.feeds.live.session import Ended
from ingestion.feeds.live.spool import find_next_number, prepare_spool
from ingestion.feeds.live.supervisor import SessionStarts, Supervisor, Surroundings

logger = logging.getLogger(__name__)


class _DaemonThreads(ThreadPoolExecutor):
    """Calls that the event loop waits for, such as those of a name server, in threads that the process does not wait
    for at its end."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        threading.Thread(target=self._call, args=(future, fn, args, kwargs), daemon=True).start()
        return future

    @staticmethod
    def _call(future: Future[Any], fn: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = fn(*args, **kwargs)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)


class Receiver:
    """Spools closed minutes to `folder` and puts `messages.Event`s into `events`, to be used in one thread.

    The constructor raises `FeedRefused` if no key is set or the folder cannot be written. It must not be forked after
    `start`.
    """

    def __init__(
        self, *, datasets: Iterable[str], events: queue.SimpleQueue[Event], folder: Path, options: LiveOptions
    ) -> None:
        read_key()
        prepare_spool(folder)
        self._datasets = list(datasets)
        self._around = Surroundings(
            options=options,
            folder=folder,
            send=events.put,
            next_number=itertools.count(find_next_number(folder)).__next__,
            next_start=SessionStarts(),
        )
        self._supervisors: dict[str, Supervisor] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live-receiver", daemon=True)

    def start(self) -> None:
        """Begin the first session of each dataset."""
        self._thread.start()
        self._is_ready.wait()

    def stop(self, timeout: float = 2.0) -> bool:
        """End all sessions, and spool what they brought. Whether that was done in `timeout` seconds."""
        for supervisor in self._supervisors.values():
            self._call(supervisor.stop)
        if self._thread.ident is not None:
            self._thread.join(timeout)
        return not self._thread.is_alive()

    def renew(self, dataset: str, why: str, sentence: str) -> None:
        """Begin another session of the dataset with a new plan. `why` and `sentence` are the end of the current one."""
        supervisor = self._supervisors.get(dataset)
        if supervisor:
            self._call(lambda: supervisor.renew(Ended(why, sentence)))

    def is_alive(self) -> bool:
        """Whether a dataset is still received."""
        return self._thread.is_alive()

    def _call(self, function: Callable[[], object]) -> None:
        if self._loop is not None and self._thread.is_alive():
            try:
                self._loop.call_soon_threadsafe(function)
            except RuntimeError:  # the loop was closed meanwhile
                return

    def _run(self) -> None:
        asyncio.run(self._supervise())

    async def _supervise(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_default_executor(_DaemonThreads())
        self._supervisors = {dataset: Supervisor(dataset, self._around) for dataset in self._datasets}
        self._is_ready.set()
        await asyncio.gather(*map(self._run_supervisor, self._supervisors.values()))

    async def _run_supervisor(self, supervisor: Supervisor) -> None:
        """A failure of the program ends one dataset, and is reported to the main thread."""
        try:
            await supervisor.run()
        except Exception as error:
            if not isinstance(error, IngestError):
                logger.exception("The receiver of %s failed", supervisor.dataset)
            self._around.send(FeedStopped(supervisor.dataset, error))
