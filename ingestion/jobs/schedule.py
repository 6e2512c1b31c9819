"""The daily backfill, which a worker requests once a day if FEED_DAILY_AT is set and a series asks for it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db import connection, transaction

from ingestion.jobs.repeating import RepeatingThread
from ingestion.jobs.requests import request_daily
from marketdata.advisory_locks import DAILY_BACKFILL
from marketdata.models import Backfill, Series
from marketdata.runs.commits import read_database_time

logger = logging.getLogger(__name__)

REQUESTED_BY = "the worker"
_DAY = timedelta(days=1)


def find_next_daily() -> datetime | None:
    """When a worker requests the daily backfill next, UTC; None if FEED_DAILY_AT is not set."""
    at = settings.FEED_DAILY_AT
    return None if at is None else _find_last_due(at, read_database_time()) + _DAY


def request_daily_if_due() -> bool:
    """Request the daily backfill unless one was started since it was last due. Returns whether it was requested."""
    at = settings.FEED_DAILY_AT
    if at is None or not Series.objects.filter(feed_daily=True).exists():
        return False
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", DAILY_BACKFILL)
        due = _find_last_due(at, read_database_time())
        if Backfill.objects.filter(daily=True, started_at__gte=due).exists():
            return False
        request_daily(REQUESTED_BY)
    return True


class DailySchedule(RepeatingThread):
    """Beside a worker: requests the daily backfill when it is due, also after time off."""

    seconds = 20
    failure = "The daily backfill could not be requested"

    def work(self) -> None:
        if request_daily_if_due():
            logger.info("The daily backfill was requested.")


def _find_last_due(at: time, now: datetime) -> datetime:
    today = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    return today if today <= now else today - _DAY
