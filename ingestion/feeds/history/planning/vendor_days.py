"""From when to when the vendor has history, and the condition of each day: read for free, and stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Protocol

from django.db import connection
from psycopg2.extras import execute_values

from ingestion.feeds.asks import DayCondition
from marketdata.history.known import read_availability
from marketdata.models import VendorDataset
from marketdata.rollup.minute_masks import datetime_to_minute, minute_to_datetime
from marketdata.runs.commits import read_database_time

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)
_STORE_DAYS = """
INSERT INTO market_vendor_days AS stored (dataset, day, condition, last_modified_date, was, seen_at)
VALUES %s
ON CONFLICT (dataset, day) DO UPDATE SET
    condition = excluded.condition, last_modified_date = excluded.last_modified_date, seen_at = excluded.seen_at,
    was = CASE WHEN stored.condition = excluded.condition THEN stored.was ELSE stored.condition END
"""


class ReadsDays(Protocol):
    """The part of `Vendor` that this module uses."""

    def get_available(self, dataset: str, schema: str = ...) -> tuple[datetime, datetime]: ...

    def read_conditions(self, dataset: str, first: date, last: date) -> Sequence[DayCondition]: ...


@dataclass(frozen=True)
class Available:
    """The range of whole minutes, UTC, in which the vendor has history of a dataset. `seen_at`: when this was read, by
    the database's clock; None if it never was."""

    start: datetime
    end: datetime
    seen_at: datetime | None = None

    def find_next_day(self) -> datetime | None:
        """When the day within which the history ends will be available, if the end moves on as the clock does."""
        if self.seen_at is None:
            return None
        following = self.end.replace(hour=0, minute=0) + _DAY
        return following + max(self.seen_at - self.end, timedelta(0))


def fetch_available(vendor: ReadsDays, dataset: str) -> Available:
    """Ask the vendor from when to when it has history, and store the answer."""
    start, end = vendor.get_available(dataset)
    available = Available(
        minute_to_datetime(datetime_to_minute(start)), end.replace(second=0, microsecond=0), read_database_time()
    )
    store_available(dataset, available)
    return available


def store_available(dataset: str, available: Available) -> None:
    """Record from when to when the dataset has history, as was read now. An end that a refusal named counts too."""
    VendorDataset.objects.update_or_create(
        dataset=dataset,
        defaults={
            "available_start": available.start,
            "available_end": available.end,
            "seen_at": available.seen_at or read_database_time(),
        },
    )


def read_stored_available(dataset: str) -> Available | None:
    """What the vendor last stated, for a plan without asking it. None if it was never asked."""
    found = read_availability(dataset)
    return Available(found.start, found.end, found.end + found.lag) if found else None


def fetch_conditions(vendor: ReadsDays, dataset: str, start: datetime, end: datetime) -> None:
    """Ask the vendor for the condition of each UTC day that overlaps [start, end), and store the answers."""
    if start >= end:
        return
    days = vendor.read_conditions(dataset, start.date(), (end - _MINUTE).date())
    now = read_database_time()
    rows = [(dataset, one.day, one.condition, one.modified, "", now) for one in days]
    if rows:
        with connection.cursor() as cursor:
            execute_values(cursor, _STORE_DAYS, rows, page_size=1000)
