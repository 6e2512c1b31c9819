"""The coverage of a range of one series: its days and its gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.buckets import OpenMinutes
from marketdata.calendars.trading_days import find_trading_day, find_trading_days
from marketdata.coverage.days import DayCoverage, find_usual_bars, measure_days
from marketdata.coverage.gaps import Gaps, find_gaps
from marketdata.models import Series
from marketdata.rollup.minute_masks import datetime_to_minute, read_minute_masks

DEFAULT_COVERAGE = timedelta(days=366)

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Coverage:
    """The days that overlap [start, end), each complete, and the gaps between the bars of [start, end).

    `usual_bars` is what the bars of a day may be compared with where no calendar gives the expected number.
    """

    start: datetime
    end: datetime
    days: list[DayCoverage]
    usual_bars: int | None
    gaps: Gaps


def read_coverage(
    series: Series, *, start: datetime | None, end: datetime | None, now: datetime | None = None
) -> Coverage | None:
    """The coverage of [start, end); by default of the last 366 days up to the last bar. None for a series without bars.

    Days are trading days of the series' calendar, or UTC days. Raises `UnknownCalendar` if the calendar's name is
    unknown. Days before the first bar are omitted, and days that have not begun; those after the last bar are included
    if the range includes them. Reads one row of the hourly rollup for each hour with bars.
    """
    ends = get_first_and_last(series)
    if ends is None:
        return None
    now = now or timezone.now()
    end = end or ends[1] + _MINUTE
    start = start or max(ends[0], _subtract(end, DEFAULT_COVERAGE))
    first, last = (find_trading_day(series.calendar, moment) for moment in ends)
    days = find_trading_days(series.calendar, max(start, first.start), min(end, max(last.end, now)))
    if not days:
        return Coverage(start, max(start, end), [], None, Gaps(0, 0 if series.calendar else None, []))
    masks = read_minute_masks(series.symbol, days[0].start, days[-1].end)
    open_minutes = OpenMinutes(days)
    found = measure_days(days, masks, open_minutes, now)
    return Coverage(
        start,
        end,
        found,
        None if series.calendar else find_usual_bars(found),
        find_gaps(
            masks.clip(datetime_to_minute(start), datetime_to_minute(end)), open_minutes if series.calendar else None
        ),
    )


def _subtract(moment: datetime, span: timedelta) -> datetime:
    """`moment - span`, or the earliest time that Python has."""
    return moment - span if moment - datetime.min.replace(tzinfo=UTC) > span else datetime.min.replace(tzinfo=UTC)
