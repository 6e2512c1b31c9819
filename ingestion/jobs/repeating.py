"""A thread beside a worker that does something again and again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from django.db import Error, connection

from ingestion.errors import IngestError

logger = logging.getLogger(__name__)


class RepeatingThread(threading.Thread):
    """Calls `work` every `seconds` until `ended` is set. An error of the database is logged after `failure`, and the
    next call has a new connection."""

    seconds: float
    failure: str

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()

    def work(self) -> None:
        raise NotImplementedError

    def finish(self) -> None:
        """What is done once after `ended` is set."""

    def run(self) -> None:
        try:
            while not self.ended.is_set():
                self._try(self.work)
                self.ended.wait(self.seconds)
            self._try(self.finish)
        finally:
            connection.close()

    def _try(self, work: Callable[[], None]) -> None:
        try:
            work()
        except (Error, IngestError) as error:
            logger.warning("%s: %s", self.failure, error)
            connection.close()
