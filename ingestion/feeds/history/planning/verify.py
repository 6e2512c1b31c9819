"""Compares stored bars of unknown origin, such as files that a user loaded, with the vendor's count, which is free."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Protocol

from ingestion.feeds.asks import Ask
from ingestion.feeds.errors import NothingThere
from ingestion.feeds.history.planning.model import UnverifiedRange
from marketdata.models import SeriesDay, VendorDay
from marketdata.runs.commits import read_database_time

_DAY = timedelta(days=1)


class CountsRecords(Protocol):
    """The part of `Vendor` that this module uses."""

    def count_records(self, ask: Ask) -> int: ...


def verify_ranges(
    vendor: CountsRecords, ranges: Iterable[UnverifiedRange], on_range: Callable[[UnverifiedRange], None]
) -> int:
    """Record as covered the days that have as many bars as the vendor has records. Returns how many days these are.

    A month is asked at once; only if it differs, each of its days. Days that differ are left to the plan.
    """
    count = 0
    for one in ranges:
        on_range(one)
        if _count(vendor, one.ask) == one.bars.sum():
            parts = [one]
        else:
            parts = [day for day in _split_days(one) if len(one.bars) > 1 and _count(vendor, day.ask) == day.bars.sum()]
        for part in parts:
            count += _store_covered(part)
    return count


def _count(vendor: CountsRecords, ask: Ask) -> int:
    try:
        return vendor.count_records(ask)
    except NothingThere:
        return 0


def _split_days(one: UnverifiedRange) -> list[UnverifiedRange]:
    """Its days with bars: a closed day between them needs no request."""
    days = []
    for number, bars in enumerate(one.bars):
        start = one.start + number * _DAY
        if bars:
            days.append(UnverifiedRange(one.series, start, min(start + _DAY, one.end), one.bars[number : number + 1]))
    return days


def _store_covered(one: UnverifiedRange) -> int:
    """History covers these days: the vendor has as many records as are stored."""
    now = read_database_time()
    stated = VendorDay.objects.filter(dataset=one.series.dataset, day__gte=one.start.date(), day__lte=one.end.date())
    conditions = {row.day: row for row in stated}
    rows = []
    for number, bars in enumerate(one.bars):
        start = one.start + number * _DAY
        vendor_day = conditions.get(start.date())
        rows.append(
            SeriesDay(
                series=one.series,
                day=start.date(),
                covered_until=min(start + _DAY, one.end),
                records=int(bars),
                condition=vendor_day.condition if vendor_day else "",
                modified=vendor_day.last_modified_date if vendor_day else None,
                confirmed_at=now,
            )
        )
    return len(SeriesDay.objects.bulk_create(rows, ignore_conflicts=True))
