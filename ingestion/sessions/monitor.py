"""A second session beside a running run: others read its progress there, and it notices a request to cancel the run.

A thread has it, so that the load itself does nothing more than set four attributes. It writes nothing and needs no more
rights than the load. A run that ends within `_FIRST_SECONDS` opens no second session.
"""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from django.db import DEFAULT_DB_ALIAS, Error, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from ingestion.cancellation import CANCEL_EVERY_SECONDS, cancel_statement
from ingestion.errors import RunCancelled
from ingestion.progress import Progress
from marketdata.models import IngestRun
from marketdata.runs.progress import RunProgress

logger = logging.getLogger(__name__)

_FIRST_SECONDS = 0.25
_EVERY_SECONDS = 0.4  # with the delay of a page, progress is at most two seconds old, and a request less than one
_RETRY_SECONDS = 5  # without a free connection
_JOIN_SECONDS = 2
_REQUEST = "SELECT cancel_requested_by FROM data_ingest_runs WHERE id = %s"


@contextlib.contextmanager
def monitor_run(run: IngestRun, progress: Progress) -> Iterator[Progress]:
    """Within the block, other sessions can read the progress of the open run, and cancel it.

    Yields the `Progress` to use: it passes all calls on, and raises `RunCancelled` after a request.
    """
    monitored = _MonitoredProgress(run, progress)
    ended = threading.Event()
    thread = threading.Thread(target=_watch, args=(connections[DEFAULT_DB_ALIAS], monitored, ended), daemon=True)
    thread.start()
    try:
        yield monitored
    finally:
        ended.set()
        monitored.acknowledged.set()
        thread.join(_JOIN_SECONDS)


class _MonitoredProgress(Progress):
    """Records what passes through. `cancelled_by` is the user who requested to cancel the run."""

    def __init__(self, run: IngestRun, inner: Progress) -> None:
        self.run, self._inner = run, inner
        self.now = RunProgress()
        self.cancelled_by = ""
        self.acknowledged = threading.Event()
        self._thread = threading.current_thread()

    def start_file(self, path: Path, size: int) -> None:
        self.now = replace(self.now, bytes_total=size)
        self._inner.start_file(path, size)

    def start_moving(self, count: int) -> None:
        self._inner.start_moving(count)

    def advance_to(self, position: int) -> None:
        has_file = self.now.bytes_total > 0
        self.now = replace(self.now, bytes_read=position) if has_file else replace(self.now, rows=position)
        self._inner.advance_to(position)

    def count_rows(self, count: int) -> None:
        self.now = replace(self.now, rows=count)
        self._inner.count_rows(count)

    def step(self, name: str) -> None:
        self.now = replace(self.now, step=name)
        self._inner.step(name)

    def wait_for(self, holder: str) -> None:
        self._inner.wait_for(holder)

    def end_file(self) -> None:
        self._inner.end_file()

    def raise_if_cancelled(self) -> None:
        self._inner.raise_if_cancelled()
        if self.cancelled_by:
            if threading.current_thread() is self._thread:
                self.acknowledged.set()  # no statement is cancelled from here on: the run still has to be closed
            raise RunCancelled(self.cancelled_by, self.run.kind)


def _watch(loading: BaseDatabaseWrapper, progress: _MonitoredProgress, ended: threading.Event) -> None:
    """Publish the progress and read requests until the run has ended. Cancel the statement of `loading` on a request.

    Without a second session the run goes on: it only shows no progress.
    """
    session, seconds = loading.copy(), _FIRST_SECONDS
    try:
        while not ended.wait(seconds):
            seconds = _EVERY_SECONDS
            try:
                _publish(session, progress)
            except Error as error:
                logger.debug("The progress of run %s is not published: %s", progress.run.pk, error)
                session.close()
                seconds = _RETRY_SECONDS
            while progress.cancelled_by and not progress.acknowledged.wait(CANCEL_EVERY_SECONDS):
                cancel_statement(loading, lambda: not progress.acknowledged.is_set())
    finally:
        session.close()


def _publish(session: BaseDatabaseWrapper, progress: _MonitoredProgress) -> None:
    """Autocommit mode: each statement sees what others have committed."""
    run_id = progress.run.pk
    with session.cursor() as cursor:
        cursor.execute("SELECT set_config('application_name', %s, false)", [progress.now.format_name(run_id)])
        cursor.execute(_REQUEST, [run_id])
        row = cursor.fetchone()
    progress.cancelled_by = row[0] if row else ""
