"""The coverage of a range of one series: its days, its gaps, and its bars while the exchange was closed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from django.utils import timezone

from marketdata.bars.stats import get_first_and_last
from marketdata.calendars.buckets import OpenMinutes
from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import find_trading_day, find_trading_days
from marketdata.coverage.days import DayCoverage, find_usual_bars, measure_days
from marketdata.coverage.gaps import Gaps, find_gaps
from marketdata.coverage.life import Life, Range, read_life
from marketdata.coverage.outside_session import OutsideSession, find_outside_session
from marketdata.models import Series
from marketdata.rollup.minute_masks import datetime_to_minute, read_minute_masks

DEFAULT_COVERAGE = timedelta(days=366)


@dataclass(frozen=True)
class Coverage:
    """The days that overlap [start, end), each complete, and the gaps within [start, end) and the series' life.

    `usual_bars` is what the bars of a day may be compared with where no calendar gives the expected number.
    `outside_session` has the bars of [start, end) outside regular and extended hours; None without a calendar.
    """

    start: datetime
    end: datetime
    life: Life
    days: list[DayCoverage]
    usual_bars: int | None
    gaps: Gaps
    outside_session: OutsideSession | None

    def list_life(self) -> list[Range]:
        """The ranges of the life that overlap [start, end), each complete."""
        return [(start, end) for start, end in self.life.ranges if start < self.end and end > self.start]


def read_coverage(
    series: Series,
    *,
    start: datetime | None,
    end: datetime | None,
    hours: Hours = Hours.ALL,
    now: datetime | None = None,
) -> Coverage | None:
    """The coverage of [start, end); by default of the last 366 days of the series' life up to now. None for a series
    without bars.

    Days are trading days of the series' calendar, or UTC days. With `Hours.REGULAR` only bars in regular hours count.
    Minutes are missing in regular hours only, with all hours too. Raises `UnknownCalendar` if the calendar's name is
    unknown. Days outside the life are included if the range includes them, from 366 days before it; days that have not
    begun are omitted. Reads one row of the hourly rollup for each hour with bars.
    """
    bars = get_first_and_last(series)
    if bars is None:
        return None
    now = now or timezone.now()
    life = read_life(series, *bars)
    stop = life.find_stop(bars[1], now)
    end = end or stop
    start = start or max(life.start, _subtract(end, DEFAULT_COVERAGE))
    listed_from = max(start, _subtract(life.start, DEFAULT_COVERAGE))
    begun = find_trading_day(series.calendar, max(bars[1], now)).end
    days = find_trading_days(series.calendar, listed_from, min(end, begun))
    if not days:
        return Coverage(start, max(start, end), life, [], None, *describe_nothing(series))
    masks = read_minute_masks(series.symbol, days[0].start, days[-1].end)
    open_minutes = OpenMinutes(days)
    if hours is Hours.REGULAR:
        masks = masks.select(open_minutes.opened // 60, open_minutes.closed // 60)
    first, stop_minute = datetime_to_minute(start), datetime_to_minute(end)
    found = measure_days(
        days,
        masks,
        open_minutes=open_minutes,
        expected=open_minutes.clip(*life.clip(days[0].start, days[-1].end) * 60),
        requested=open_minutes.clip(*np.array([[first], [stop_minute]]) * 60),
        hours=hours,
        now=now,
    )
    inside = masks.clip(first, stop_minute)
    return Coverage(
        start,
        end,
        life,
        found,
        None if series.calendar else find_usual_bars(found),
        find_gaps(inside, life.clip(start, min(end, stop)), open_minutes if series.calendar else None),
        find_outside_session(inside, OpenMinutes(days, Hours.ALL)) if series.calendar else None,
    )


def describe_nothing(series: Series) -> tuple[Gaps, OutsideSession | None]:
    """The gaps, and the bars while the exchange was closed, of a range without days."""
    return (Gaps(0, 0, 0, []), OutsideSession(0, [])) if series.calendar else (Gaps(0, None, None, []), None)


def _subtract(moment: datetime, span: timedelta) -> datetime:
    """`moment - span`, or the earliest time that Python has."""
    return moment - span if moment - datetime.min.replace(tzinfo=UTC) > span else datetime.min.replace(tzinfo=UTC)
