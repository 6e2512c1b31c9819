"""The check of new bars at the end of a command, where no worker does it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

from django.conf import settings
from django.utils import timezone

from ingestion.cli.quality.cost import estimate_checks, estimate_least
from marketdata.calendars import stored
from marketdata.command_line import manage
from marketdata.formatting import format_count
from marketdata.quality.pending import check_pending, may_check, plan_checks, read_pending
from marketdata.runs.jobs import is_worker_running

logger = logging.getLogger(__name__)

# Of the processor time that the process has used for everything else.
MAX_SHARE = 0.15

_spent = 0.0  # seconds of processor time that checks have used in this process


def check_new_bars(write: Callable[[str], object] | None = None) -> None:
    """Check the bars that runs have brought, unless a worker runs, or the check would cost more than `MAX_SHARE`.

    `write` gets a sentence about bars that remain to be checked. The bars are stored: whatever happens here does not
    make the command fail.
    """
    try:
        if settings.QUALITY_WITHOUT_WORKER and may_check() and not is_worker_running():
            waiting = _check()
            if waiting and write is not None:
                write(_describe(waiting))
    except KeyboardInterrupt:
        logger.info("The check of the new bars was interrupted; it is done later.")
    except Exception as error:
        logger.warning("The new bars are stored, but not checked: %s", error)


def _check() -> int:
    """Check what waits, if the budget has room for it. Returns how many bars still wait."""
    global _spent
    pending = read_pending()
    if not pending.runs:
        return 0
    started = read_processor_time()
    budget = max(MAX_SHARE * (started - _spent) - _spent, 0.0)
    stored.use_folder(settings.VAR_DIR / "calendars")
    is_cheap = estimate_least(pending.bar_count) <= budget
    if is_cheap:
        plan = plan_checks()
        is_cheap = estimate_checks(plan.ranges) <= budget
    if is_cheap:
        check_pending(timezone.now(), plan)
    _spent += read_processor_time() - started
    return 0 if is_cheap else pending.bar_count


def read_processor_time() -> float:
    """Seconds of processor time of this process and of those that it started and that have ended."""
    return sum(os.times()[:4])


def _describe(count: int) -> str:
    return (
        f"Not checked yet: {format_count(count, 'bar')}. A worker checks them ({manage()} db_worker), or "
        f"{manage()} check_quality does."
    )
