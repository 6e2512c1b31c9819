"""Days with provisional bars: those of the live feed, until history confirms them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from marketdata.coverage.days import DayCoverage
from marketdata.history.known import to_midnight
from marketdata.history.provisional import find_with_provisional
from marketdata.models import IngestRun, Series, SeriesDay

_DAY = timedelta(days=1)


def find_provisional_days(series: Series, days: Sequence[DayCoverage]) -> list[bool]:
    """Whether each day has a provisional bar. One query by index for a series without live bars; bars are read only of
    days that history does not cover completely."""
    flags = [False] * len(days)
    if not days or not _has_live_bars(series):
        return flags
    confirmed = _find_confirmed(series, days[0].start, days[-1].end)
    open_days = [index for index, day in enumerate(days) if day.bars and not _is_within(day, confirmed)]
    starts, ends = ([int(getattr(days[index], name).timestamp()) for index in open_days] for name in ("start", "end"))
    for index, flag in zip(open_days, find_with_provisional(series, starts, ends), strict=True):
        flags[index] = flag
    return flags


def _has_live_bars(series: Series) -> bool:
    return IngestRun.objects.filter(kind=IngestRun.Kind.LIVE, symbols__contains=[series.symbol]).exists()


def _find_confirmed(series: Series, start: datetime, end: datetime) -> set[datetime]:
    """The midnights of the UTC days that history covers completely."""
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    rows = SeriesDay.objects.filter(series=series, day__gte=first, day__lte=last)
    midnights = [
        (to_midnight(day), covered_from, covered_until)
        for day, covered_from, covered_until in rows.values_list("day", "covered_from", "covered_until")
    ]
    return {
        midnight
        for midnight, covered_from, covered_until in midnights
        if covered_until >= midnight + _DAY and (covered_from is None or covered_from <= midnight)
    }


def _is_within(day: DayCoverage, confirmed: set[datetime]) -> bool:
    midnight = to_midnight(day.start.astimezone(UTC).date())
    while midnight < day.end:
        if midnight not in confirmed:
            return False
        midnight += _DAY
    return True
