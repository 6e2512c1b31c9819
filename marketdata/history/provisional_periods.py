"""Which periods of a series have provisional bars: coverage marks days by it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from marketdata.history.known import to_midnight
from marketdata.history.provisional import find_with_provisional, read_first_live
from marketdata.models import FeedSessionSeries, IngestRun, Series, SeriesDay
from marketdata.timestamps import from_seconds

_DAY = timedelta(days=1)


def find_provisional_periods(series: Series, starts: Sequence[int], ends: Sequence[int]) -> list[bool]:
    """Whether each period, in seconds since 1970, has a provisional bar. Periods are in time order.

    Two queries by index for a series without live bars. Bars are read only of periods that history does not cover.
    """
    flags = [False] * len(starts)
    first_live = read_first_live(series.dataset) if flags and _has_live_bars(series) else None
    if first_live is None:
        return flags
    confirmed = _find_confirmed_days(series, from_seconds(starts[0]), from_seconds(ends[-1]))
    unconfirmed = [
        index
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
        if not _is_within(from_seconds(start), from_seconds(end), confirmed)
    ]
    periods = [starts[one] for one in unconfirmed], [ends[one] for one in unconfirmed]
    found = find_with_provisional(series, *periods, first_live=first_live)
    for index, flag in zip(unconfirmed, found, strict=True):
        flags[index] = flag
    return flags


def _has_live_bars(series: Series) -> bool:
    """Whether the live feed may have brought bars of the series."""
    # Contracts of a parent symbol are live too, but without a subscription of their own.
    return (
        FeedSessionSeries.objects.filter(series=series).exists()
        or IngestRun.objects.filter(kind=IngestRun.Kind.LIVE, symbols__contains=[series.symbol]).exists()
    )


def _find_confirmed_days(series: Series, start: datetime, end: datetime) -> set[datetime]:
    """The midnights of the UTC days that history covers completely."""
    first, last = start.astimezone(UTC).date(), end.astimezone(UTC).date()
    rows = SeriesDay.objects.filter(series=series, day__gte=first, day__lte=last)
    return {
        to_midnight(day)
        for day, covered_from, covered_until in rows.values_list("day", "covered_from", "covered_until")
        if covered_until >= to_midnight(day) + _DAY and (covered_from is None or covered_from <= to_midnight(day))
    }


def _is_within(start: datetime, end: datetime, confirmed: set[datetime]) -> bool:
    midnight = to_midnight(start.astimezone(UTC).date())
    while midnight < end:
        if midnight not in confirmed:
            return False
        midnight += _DAY
    return True
