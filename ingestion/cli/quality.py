"""The check of new bars at the end of a command, where no worker does it."""

from __future__ import annotations

import logging

from django.conf import settings
from django.utils import timezone

from marketdata.calendars import stored
from marketdata.models import IngestRun
from marketdata.quality.pending import check_pending, may_check, read_pending
from marketdata.runs.jobs import is_worker_running

logger = logging.getLogger(__name__)

# A check of so many bars takes about a second. More of them wait for a worker, or for check_quality.
_MAX_BARS, _MAX_SERIES = 20_000, 8


def check_new_bars() -> None:
    """Check the bars that runs have brought, unless a worker runs, or they are many.

    The bars are stored: whatever happens here does not make the command fail.
    """
    try:
        if settings.QUALITY_WITHOUT_WORKER and may_check() and not is_worker_running():
            _check()
    except KeyboardInterrupt:
        logger.info("The check of the new bars was interrupted; it is done later.")
    except Exception as error:
        logger.warning("The new bars are stored, but not checked: %s", error)


def _check() -> None:
    pending = read_pending()
    if not pending.runs:
        return
    names = IngestRun.objects.filter(pk__in=pending.runs).values_list("symbols", flat=True)
    series_count = len({symbol for symbols in names for symbol in symbols})
    if pending.bar_count <= _MAX_BARS and series_count <= _MAX_SERIES:
        # The library of calendars costs more than the ingest of a small file.
        stored.use_folder(settings.VAR_DIR / "calendars")
        check_pending(timezone.now())
    else:
        logger.info("%s new bars wait for a worker, or for check_quality, to be checked.", pending.bar_count)
