"""Archived years in a plan: their bars count as present. Nothing of them is requested, compared or loaded again, since
a load would be refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from ingestion.feeds.history.planning.model import SeriesPlan
from marketdata.formatting import format_list
from marketdata.partitions.archived import find_archived
from marketdata.partitions.years import year_bounds


def leave_out_archived(plan: SeriesPlan) -> SeriesPlan:
    """The plan without the ranges in archived years, and with a sentence about each of them."""
    years = [archived.year for archived in find_archived(plan.start, plan.end)]
    if not years or plan.start >= plan.end:
        return plan
    bounds = [year_bounds(year) for year in years]
    named = format_list([str(year) for year in years])
    verb = "is archived and counts" if len(years) == 1 else "are archived and count"
    return replace(
        plan,
        requests=tuple(one for one in plan.requests if not _overlaps(one.start, one.end, bounds)),  # each in one month
        reloads=tuple(one for one in plan.reloads if not _overlaps(one.start, one.end, bounds)),
        unverified=tuple(one for one in plan.unverified if not _overlaps(one.start, one.end, bounds)),
        for_person=_without(plan.for_person, years),
        pending=_without(plan.pending, years),
        notes=(*plan.notes, f"{named} {verb} as present: nothing of {'it' if len(years) == 1 else 'them'} is bought."),
    )


def _overlaps(start: datetime, end: datetime, bounds: list[tuple[datetime, datetime]]) -> bool:
    return any(start < stop and end > first for first, stop in bounds)


def _without(days: tuple[date, ...], years: list[int]) -> tuple[date, ...]:
    return tuple(day for day in days if day.year not in years)
