"""The vendor's conditions of the days of a series: of the condition.json beside its files, and of backfills."""

from __future__ import annotations

from datetime import date

from marketdata.models import IngestRun, Series, SeriesDay, VendorDay

AVAILABLE, MISSING, RESTATED = "available", "missing", "restated"
CONDITIONS = ("degraded", "pending", MISSING, RESTATED)


def read_conditions(series: Series) -> dict[date, str]:
    """The UTC days that are not available, by the newest statement about each, with their conditions.

    `restated`: the vendor made the day again after it was loaded.
    """
    found = _read_beside_files(series)
    own = dict(SeriesDay.objects.filter(series=series, modified__isnull=False).values_list("day", "modified"))
    rows = VendorDay.objects.filter(dataset=series.dataset) if series.dataset else VendorDay.objects.none()
    for day, condition, modified in rows.values_list("day", "condition", "last_modified_date"):
        loaded_as = own.get(day)
        is_restated = bool(loaded_as and modified and modified > loaded_as)
        found[day] = RESTATED if condition == AVAILABLE and is_restated else condition
    return {day: condition for day, condition in sorted(found.items()) if condition in CONDITIONS}


def _read_beside_files(series: Series) -> dict[date, str]:
    """What the files state, the newest last; those of undone runs do not count."""
    runs = IngestRun.objects.filter(
        symbols__contains=[series.symbol], status="success", vendor_conditions__isnull=False
    )
    undone = IngestRun.objects.filter(undoes__isnull=False, status="success", left_count=0).values("undoes")
    found: dict[date, str] = {}
    for stated in runs.exclude(pk__in=undone).order_by("pk").values_list("vendor_conditions", flat=True):
        if stated is None:
            continue
        start, end = date.fromisoformat(stated["start"]), date.fromisoformat(stated["end"])
        found = {day: condition for day, condition in found.items() if not start <= day < end}
        found |= {date.fromisoformat(day): condition for day, condition in stated["days"].items()}
    return found
