"""Alerts, which a worker raises and sends beside its jobs."""

from __future__ import annotations

import time

from ingestion.jobs.repeating import RepeatingThread
from marketdata.alerts.channels import TIMEOUT_SECONDS
from marketdata.alerts.delivery import deliver_due
from marketdata.alerts.raising import raise_alerts

# A worker that ends sends what its last jobs found, and lets a message that is being sent come to its end.
FINISH_SECONDS = 5
END_SECONDS = FINISH_SECONDS + 2 * TIMEOUT_SECONDS


class AlertSchedule(RepeatingThread):
    """Beside a worker: raises and sends alerts as soon as there are events."""

    seconds = 5
    failure = "Alerts could not be sent"

    def work(self) -> None:
        raise_alerts()
        deliver_due(may_go_on=lambda: not self.ended.is_set())

    def finish(self) -> None:
        deadline = time.monotonic() + FINISH_SECONDS
        raise_alerts()
        deliver_due(may_go_on=lambda: time.monotonic() < deadline)
