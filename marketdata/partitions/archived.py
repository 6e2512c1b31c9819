"""The years whose bars are in the lake, and not in the table of bars."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from marketdata.models import ArchivedYear
from marketdata.partitions.years import year_bounds


def list_archived() -> list[ArchivedYear]:
    """All archived years in order. One query of a table with a few rows."""
    return list(ArchivedYear.objects.order_by("year"))


def find_archived(start: datetime | None, end: datetime | None) -> list[ArchivedYear]:
    """The archived years that overlap [start, end), UTC. None: without a bound."""
    return [archived for archived in list_archived() if _overlaps(archived.year, start, end)]


def find_archived_years(years: Iterable[int]) -> list[int]:
    """Those of the years that are archived, in order."""
    return sorted(ArchivedYear.objects.filter(year__in=list(years)).values_list("year", flat=True))


def _overlaps(year: int, start: datetime | None, end: datetime | None) -> bool:
    first, stop = year_bounds(year)
    return (start is None or start < stop) and (end is None or end > first)
