"""The worker: django-tasks-db's, which holds a lock while it lives, and outlives a restart of the database."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django_tasks.base import TaskResult, TaskResultStatus
from django_tasks.signals import log_task_finished, task_finished
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from ingestion.errors import IngestError, InputError
from ingestion.jobs.alerts import END_SECONDS, AlertSchedule
from ingestion.jobs.quality_schedule import QualitySchedule, request_check_if_due
from ingestion.jobs.schedule import DailySchedule
from marketdata.database import first_line
from marketdata.runs.jobs import close_orphaned_jobs, lock_worker
from marketdata.runs.locks import close_orphaned_runs

logger = logging.getLogger(__name__)

_PING_SECONDS = 5
_RETRY_SECONDS = 2


class JobWorker(Worker):
    """Runs jobs one after another until SIGINT or SIGTERM. Jobs of workers that died are closed first."""

    def run_task(self, db_task_result: DBTaskResult) -> None:
        """Do the job. The bars that it brought are checked by the next one."""
        super().run_task(db_task_result)
        if not db_task_result.task_path.endswith(".check_quality"):
            request_check_if_due(live=False)

    def run(self) -> None:
        with _one_line_per_failure(), hold_worker_lock(self.worker_id), _follow_schedule():
            while True:
                try:
                    close_orphaned_runs()
                    close_orphaned_jobs(idle_worker_id=self.worker_id)
                    request_check_if_due(live=True)  # with --batch the worker would end before a schedule does
                    return super().run()
                except (InterfaceError, OperationalError) as error:
                    logger.warning("The database cannot be used (%s); trying again.", first_line(error))
                    connections[DEFAULT_DB_ALIAS].close()
                    time.sleep(_RETRY_SECONDS)


@contextlib.contextmanager
def hold_worker_lock(worker_id: str) -> Iterator[None]:
    """Within the block, pages see that the worker runs. Raises `InputError` if another worker has this name."""
    lock = _WorkerLock(worker_id)
    lock.start()
    lock.tried.wait()
    try:
        if not lock.is_held:
            raise InputError(f"A worker named {worker_id} runs already: give another --worker-id.")
        yield
    finally:
        lock.ended.set()
        lock.join(_RETRY_SECONDS)


@contextlib.contextmanager
def _follow_schedule() -> Iterator[None]:
    """Within the block, the daily backfill and checks of bars are requested when due, and alerts sent."""
    alerts = AlertSchedule()
    schedules = DailySchedule(), QualitySchedule(), alerts
    for schedule in schedules:
        schedule.start()
    try:
        yield
    finally:
        for schedule in schedules:
            schedule.ended.set()
        alerts.join(END_SECONDS)
        for schedule in schedules:
            schedule.join(_RETRY_SECONDS)


class _WorkerLock(threading.Thread):
    """Holds the lock in a session of its own, since Django closes the worker's now and then. After a restart of the
    database it is acquired again."""

    def __init__(self, worker_id: str) -> None:
        super().__init__(daemon=True)
        self._worker_id, self._database = worker_id, connections[DEFAULT_DB_ALIAS]
        self.tried, self.ended, self.is_held = threading.Event(), threading.Event(), False

    def run(self) -> None:
        session = self._database.copy()
        try:
            while not self.ended.is_set():
                self._refresh(session)
                self.tried.set()
                self.ended.wait(_PING_SECONDS if self.is_held else _RETRY_SECONDS)
        finally:
            session.close()

    def _refresh(self, session: BaseDatabaseWrapper) -> None:
        try:
            with session.cursor() as cursor:
                if self.is_held:
                    cursor.execute("SELECT 1")
                else:
                    self.is_held = lock_worker(cursor, self._worker_id)
        except Error as error:
            logger.debug("The lock of worker %s is lost: %s", self._worker_id, error)
            self.is_held = False
            session.close()


@contextlib.contextmanager
def _one_line_per_failure() -> Iterator[None]:
    """Log a job that an `IngestError` ended in one line; the library would log its traceback."""
    task_finished.disconnect(log_task_finished)
    task_finished.connect(_log_finished)
    try:
        yield
    finally:
        task_finished.disconnect(_log_finished)
        task_finished.connect(log_task_finished)


def _log_finished(sender: type, task_result: TaskResult, **signal: object) -> None:
    if task_result.status != TaskResultStatus.FAILED:
        logger.info("Job %s (%s) is done.", task_result.id, task_result.task.name)
        return
    error = task_result.errors[0]
    with contextlib.suppress(ImportError):
        if issubclass(error.exception_class, IngestError):
            message = error.traceback.rpartition(f"{error.exception_class_path}: ")[2].strip()
            logger.warning("Job %s (%s) failed: %s", task_result.id, task_result.task.name, message)
            return
    logger.error("Job %s (%s) failed:\n%s", task_result.id, task_result.task.name, error.traceback)
