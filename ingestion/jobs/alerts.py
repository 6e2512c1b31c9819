"""Alerts, which a worker raises and sends beside its jobs."""

from __future__ import annotations

import logging
import threading

from django.db import Error, connection

from marketdata.alerts.delivery import deliver_due
from marketdata.alerts.raising import raise_alerts

logger = logging.getLogger(__name__)

_POLL_SECONDS = 5


class AlertSchedule(threading.Thread):
    """Beside a worker: raises and sends alerts as soon as there are events."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            while not self.ended.is_set():
                self._send()
                self.ended.wait(_POLL_SECONDS)
        finally:
            connection.close()

    def _send(self) -> None:
        try:
            raise_alerts()
            deliver_due()
        except Error as error:
            logger.warning("Alerts could not be sent: %s", error)
            connection.close()
