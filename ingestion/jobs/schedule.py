"""The daily backfill, which a worker requests once a day if FEED_DAILY_AT is set and a series asks for it."""

from __future__ import annotations

import logging
import threading
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db import Error, connection, transaction

from ingestion.errors import IngestError
from ingestion.jobs.requests import request_daily
from marketdata.models import Backfill, Series
from marketdata.runs.commits import read_database_time

logger = logging.getLogger(__name__)

REQUESTED_BY = "the worker"
_POLL_SECONDS = 20
_LOCK_KEY = (0x4241_5206, 3)  # two workers request one backfill
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
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", _LOCK_KEY)
        due = _find_last_due(at, read_database_time())
        if Backfill.objects.filter(daily=True, started_at__gte=due).exists():
            return False
        request_daily(REQUESTED_BY)
    return True


class DailySchedule(threading.Thread):
    """Beside a worker: requests the daily backfill when it is due, also after time off."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.ended = threading.Event()

    def run(self) -> None:
        try:
            while not self.ended.is_set():
                self._request()
                self.ended.wait(_POLL_SECONDS)
        finally:
            connection.close()

    def _request(self) -> None:
        try:
            if request_daily_if_due():
                logger.info("The daily backfill was requested.")
        except (Error, IngestError) as error:
            logger.warning("The daily backfill could not be requested: %s", error)
            connection.close()


def _find_last_due(at: time, now: datetime) -> datetime:
    today = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    return today if today <= now else today - _DAY
