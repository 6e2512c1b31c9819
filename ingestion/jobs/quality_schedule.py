"""When a worker checks bars: soon after a run, later after runs of live sessions, and regularly without any."""

from __future__ import annotations

import time

from django.utils import timezone

from ingestion.jobs.repeating import RepeatingThread
from ingestion.jobs.requests import request_check
from marketdata.quality.pending import may_check, read_pending
from marketdata.quality.watch import watch

REQUESTED_BY = "the worker"
# A live session brings a run each minute. To judge a bar, two months before it are read.
_LIVE_SECONDS = 15 * 60
_REGULAR_SECONDS = 60


def request_check_if_due(*, live: bool) -> bool:
    """Request a check if runs wait for one; runs of live sessions only with `live`. Returns whether it did."""
    if not may_check() or not read_pending(live=live).runs:
        return False
    request_check(REQUESTED_BY)
    return True


class QualitySchedule(RepeatingThread):
    """Beside a worker: requests the check of new bars, and looks for silence and outages itself, which is quick."""

    seconds = 10
    failure = "The bars could not be checked"

    def __init__(self) -> None:
        super().__init__()
        self._next_live, self._next_regular = 0.0, 0.0

    def work(self) -> None:
        now = time.monotonic()
        live = now >= self._next_live
        if request_check_if_due(live=live) and live:
            self._next_live = now + _LIVE_SECONDS
        if now >= self._next_regular and may_check():
            watch(timezone.now())
            self._next_regular = now + _REGULAR_SECONDS
