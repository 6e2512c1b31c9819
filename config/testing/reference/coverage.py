"""Coverage computed a slow and obvious way: from the bars in plain Python, minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from statistics import median
from zoneinfo import ZoneInfo

from config.testing.clocks import utc
from marketdata.calendars.hours import Hours
from marketdata.calendars.spans import Spans
from marketdata.calendars.trading_days import TradingDay, find_trading_days
from marketdata.coverage import gaps, outside_session
from marketdata.coverage.days import DayCoverage
from marketdata.coverage.gaps import Gap, Gaps
from marketdata.coverage.life import Life, Range
from marketdata.coverage.outside_session import OutsideSession
from marketdata.coverage.report import DEFAULT_COVERAGE, Coverage
from marketdata.models import Series

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LATER = datetime(2026, 6, 1, 12, tzinfo=UTC)


def list_minutes(start: datetime, end: datetime) -> list[datetime]:
    """The minutes of [start, end)."""
    return [start + number * MINUTE for number in range((end - start) // MINUTE)]


def measure_day_slowly(
    day: TradingDay,
    bars: list[datetime],
    opened: set[datetime],
    expected: set[datetime],
    requested: set[datetime],
    hours: Hours,
    now: datetime,
) -> DayCoverage:
    """One day of bars in time order. `opened` are the minutes that the exchange was open, `expected` those of the life,
    `requested` those of the requested range."""
    inside = [bar for bar in bars if day.start <= bar < day.end]
    minutes = list_minutes(day.start, day.end)
    is_over = {minute for minute in minutes if minute + MINUTE <= now or any(bar >= minute for bar in inside[-1:])}
    due = expected.intersection(minutes)
    return DayCoverage(
        day=day.date,
        start=day.start,
        end=day.end,
        ts=day.ts,
        bars=len(inside),
        open_bars=len(opened.intersection(inside)),
        expected=len(due),
        expected_by_now=len(due & is_over),
        forming=day.find_close(hours) > now,
        first=inside[0] if inside else None,
        last=inside[-1] if inside else None,
        gaps=sum(after - before > MINUTE for before, after in pairwise(inside)),
        extended_bars=sum(bar not in opened and is_within(bar, day.all_spans) for bar in inside),
        outside_session=sum(not is_within(bar, day.all_spans) for bar in inside),
        outside_data=not inside and not due and bool(requested & is_over),
    )


def is_within(moment: datetime, spans: Spans) -> bool:
    """Whether the moment is in one of the spans."""
    return any(start <= moment < end for start, end in spans)


def find_gaps_slowly(calendar: str, bars: list[datetime], life: list[Range], opened: set[datetime]) -> Gaps:
    """The gaps within `life`, minute by minute; `opened` are the minutes that the exchange was open."""
    joined = [life[0]] if life else []
    for start, end in life[1:]:
        if calendar and not opened.intersection(list_minutes(joined[-1][1], start)):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    stored, found = set(bars), []
    for start, end in joined:
        missing = [minute for minute in list_minutes(start, end) if minute not in stored]
        for _, group in groupby(enumerate(missing), key=lambda pair: pair[1] - pair[0] * MINUTE):
            run = [minute for _, minute in group]
            after, before = run[0] - MINUTE, run[-1] + MINUTE
            found.append(
                Gap(
                    start=run[0],
                    end=before,
                    after=after if after in stored else None,
                    before=before if before in stored else None,
                    open_minutes=len(opened.intersection(run)) if calendar else None,
                )
            )
    open_gaps = sorted(
        (gap for gap in found if gap.open_minutes), key=lambda gap: (-(gap.open_minutes or 0), -gap.minutes)
    )
    closed_gaps = sorted((gap for gap in found if not gap.open_minutes), key=lambda gap: -gap.minutes)
    longest = open_gaps[: gaps.MAX_GAPS] + closed_gaps[: gaps.MAX_GAPS]
    total = sum(gap.open_minutes or 0 for gap in open_gaps)
    counts = (len(open_gaps), total) if calendar else (None, None)
    return Gaps(len(found), counts[0], counts[1], sorted(longest, key=lambda gap: gap.start))


def compute_coverage(
    calendar: str,
    bars: list[datetime],
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    life: list[Range] | None = None,
    hours: Hours = Hours.ALL,
) -> Coverage:
    """What `read_coverage` should return for bars in time order. The default `life`: from the first bar to the last."""
    life = life or [(bars[0], bars[-1] + MINUTE)]
    stop = min(life[-1][1], max(bars[-1] + MINUTE, now.replace(second=0, microsecond=0)))
    end = end or stop
    start = start or max(life[0][0], end - DEFAULT_COVERAGE)
    around = find_trading_days(calendar, min(life[0][0], now) - 380 * DAY, max(bars[-1], now) + 9 * DAY)
    begun = min(end, max(bars[-1] + MINUTE, now))
    listed_from = max(start, life[0][0] - DEFAULT_COVERAGE)
    days = [day for day in around if day.end > listed_from and day.start < begun and start < end]
    opened = {minute for day in days for span in day.spans for minute in list_minutes(*span)}
    expected = {minute for minute in opened if any(first <= minute < last for first, last in life)}
    requested = {minute for minute in opened if start <= minute < end}
    if hours is Hours.REGULAR:
        bars = [bar for bar in bars if bar in opened]
    found = [measure_day_slowly(day, bars, opened, expected, requested, hours, now) for day in days]
    listed = [day for day in found if day.bars or day.expected or day.outside_data]
    counts = sorted(day.bars for day in listed if day.bars and not day.forming)
    usual = None if calendar or len(counts) < 5 else int(median(counts[len(counts) // 2 :]))
    inside = [bar for bar in bars if start <= bar < end]
    within = ([minute for minute in list_minutes(*one) if start <= minute < min(end, stop)] for one in life)
    clipped = [(some[0], some[-1] + MINUTE) for some in within if some]
    closed = [bar for bar in inside if not any(is_within(bar, day.all_spans) for day in days)]
    return Coverage(
        start,
        max(start, end),
        Life(tuple(life)),
        listed,
        usual,
        find_gaps_slowly(calendar, inside, clipped, opened),
        OutsideSession(len(closed), closed[: outside_session.MAX_BARS]) if calendar else None,
    )


def set_calendar(series: Series, calendar: str) -> Series:
    """The series, with another calendar in memory."""
    series.calendar = calendar
    return series


def list_minutes_by_clock(first: str, last: str, zone: ZoneInfo, is_open: Callable[[datetime], bool]) -> list[datetime]:
    """The minutes from one date to another, inclusive, at which `is_open` is true of the time in the zone."""
    start, end = utc(f"{first} 00:00", zone), utc(f"{last} 00:00", zone) + DAY
    return [minute for minute in list_minutes(start, end) if is_open(minute.astimezone(zone))]
