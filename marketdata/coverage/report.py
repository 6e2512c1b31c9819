"""The coverage of a range of one series: its days and its gaps."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.utils import timezone

from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.buckets import OpenMinutes
from marketdata.calendars.trading_days import find_trading_day, find_trading_days
from marketdata.coverage.days import DayCoverage, cover_days, usual_bars
from marketdata.coverage.gaps import Gaps, find_gaps
from marketdata.models import Series
from marketdata.rollup.minute_masks import datetime_to_minute, read_minute_masks

DEFAULT_COVERAGE = timedelta(days=366)

_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Coverage:
    """The days that overlap [start, end), each whole, and the gaps between the bars of [start, end).

    `usual_bars` is what a day may be held against where there is no calendar to say what was to be expected.
    """

    start: datetime
    end: datetime
    days: list[DayCoverage]
    usual_bars: int | None
    gaps: Gaps


def series_coverage(
    series: Series, *, start: datetime | None, end: datetime | None, now: datetime | None = None
) -> Coverage | None:
    """Coverage of the range; by default of the last year of data that ends with the last bar. None for no bars at all.

    Days are trading days of the series' calendar (`UnknownCalendar` if it is none), or UTC days. Those before the first
    bar are left out, and those that have not begun; of those behind the last bar the range decides. Reads one row of
    the ledger for each hour with bars.
    """
    ends = get_first_and_last(series)
    if ends is None:
        return None
    now = now or timezone.now()
    end = end or ends[1] + _MINUTE
    start = start or max(ends[0], _before(end, DEFAULT_COVERAGE))
    first, last = (find_trading_day(series.calendar, moment) for moment in ends)
    days = find_trading_days(series.calendar, max(start, first.start), min(end, max(last.end, now)))
    if not days:
        return Coverage(start, max(start, end), [], None, Gaps(0, 0 if series.calendar else None, []))
    hours = read_minute_masks(series.symbol, days[0].start, days[-1].end)
    exchange = OpenMinutes(days)
    found = cover_days(days, hours, exchange, now)
    return Coverage(
        start,
        end,
        found,
        None if series.calendar else usual_bars(found),
        find_gaps(
            hours.between(datetime_to_minute(start), datetime_to_minute(end)), exchange if series.calendar else None
        ),
    )


def _before(moment: datetime, span: timedelta) -> datetime:
    return moment - span if moment - datetime.min.replace(tzinfo=UTC) > span else datetime.min.replace(tzinfo=UTC)
