"""When a worker checks bars: soon after a run, later after runs of live sessions, and regularly without any."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import timedelta

from django.utils import timezone
from django_tasks.base import TaskResultStatus
from django_tasks_db.models import DBTaskResult

from ingestion.jobs.repeating import RepeatingThread
from ingestion.jobs.requests import request_check
from marketdata.models import IngestRun
from marketdata.quality.pending import may_check, read_pending
from marketdata.quality.watch import watch

REQUESTED_BY = "the worker"
# A live session brings a run each minute. To judge a bar, two months before it are read.
_LIVE_SECONDS = 15 * 60
_REGULAR_SECONDS = 60
# The files of a delivery are checked together, unless that takes longer: then first history is one message.
_LONGEST_LOAD = timedelta(minutes=10)
# A check that failed would fail again, until the series' settings or the lake are mended, or other runs end.
_AFTER_FAILURE = timedelta(minutes=15)


def request_check_if_due(*, live: bool) -> bool:
    """Request a check if runs wait for one; runs of live sessions only with `live`. Returns whether it did.

    It waits for loads that are running, and after a check that failed for a quarter of an hour or another run.
    """
    runs = read_pending(live=live).runs if may_check() else []
    if not runs or _have_failed(runs) or _is_loading(runs):
        return False
    request_check(REQUESTED_BY)
    return True


def _is_loading(runs: Sequence[int]) -> bool:
    """Whether more files are being loaded, and none of these runs has waited long."""
    running = IngestRun.objects.filter(status=IngestRun.Status.RUNNING).exclude(kind=IngestRun.Kind.LIVE)
    late = IngestRun.objects.filter(pk__in=runs, finished_at__lt=timezone.now() - _LONGEST_LOAD)
    return running.exists() and not late.exists()


def _have_failed(runs: Sequence[int]) -> bool:
    """Whether the last check failed lately, and all of these runs had ended before."""
    lately = DBTaskResult.objects.filter(
        task_path__endswith=".check_quality", finished_at__gte=timezone.now() - _AFTER_FAILURE
    )
    last = lately.order_by("-finished_at").values_list("status", "started_at").first()
    if last is None or last[0] != TaskResultStatus.FAILED or last[1] is None:
        return False
    return not IngestRun.objects.filter(pk__in=runs, finished_at__gt=last[1]).exists()


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
