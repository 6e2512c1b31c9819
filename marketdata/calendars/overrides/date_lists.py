"""Overrides of many trading dates with one time and one source. Times are Chicago's."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from marketdata.calendars.overrides.model import CHICAGO, DateOverride, parse_clock


def close_early(clock: time, source: str, *days: date) -> tuple[DateOverride, ...]:
    """Days that ended at this time because a holiday was near."""
    return tuple(
        DateOverride(date=day, close=clock, reason="closed early next to a holiday", source=source) for day in days
    )


def open_late(regular: str, late: str, source: str, *days: date) -> tuple[DateOverride, ...]:
    """Days after a holiday that began at `late` instead of `regular`: at "08:30" instead of "-19:00"."""
    return tuple(
        DateOverride(
            date=day,
            halts=((_at(day, regular), _at(day, late)),),
            reason="opened late after a holiday",
            source=source,
        )
        for day in days
    )


def _at(day: date, clock: str) -> datetime:
    days_before, moment = parse_clock(clock)
    return datetime.combine(day - timedelta(days=days_before), moment, CHICAGO)
