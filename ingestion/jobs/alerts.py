"""Alerts, which a worker raises and sends beside its jobs."""

from __future__ import annotations

from ingestion.jobs.repeating import RepeatingThread
from marketdata.alerts.delivery import deliver_due
from marketdata.alerts.raising import raise_alerts


class AlertSchedule(RepeatingThread):
    """Beside a worker: raises and sends alerts as soon as there are events."""

    seconds = 5
    failure = "Alerts could not be sent"

    def work(self) -> None:
        raise_alerts()
        deliver_due()
