"""A thread beside a worker that does something again and again."""

from __future__ import annotations

import logging
import threading

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

    def run(self) -> None:
        try:
            while not self.ended.is_set():
                self._try()
                self.ended.wait(self.seconds)
        finally:
            connection.close()

    def _try(self) -> None:
        try:
            self.work()
        except (Error, IngestError) as error:
            logger.warning("%s: %s", self.failure, error)
            connection.close()
