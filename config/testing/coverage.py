"""Coverage computed a slow and obvious way: from the bars in plain Python, minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from statistics import median
from zoneinfo import ZoneInfo

from config.testing.clocks import utc
from marketdata.calendars.trading_days import TradingDay, find_trading_days
from marketdata.coverage import gaps
from marketdata.coverage.days import DayCoverage
from marketdata.coverage.gaps import Gap, Gaps
from marketdata.coverage.report import DEFAULT_COVERAGE, Coverage
from marketdata.models import Series

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LATER = datetime(2026, 6, 1, 12, tzinfo=UTC)


def list_minutes(start: datetime, end: datetime) -> list[datetime]:
    """The minutes of [start, end)."""
    return [start + number * MINUTE for number in range((end - start) // MINUTE)]


def measure_day_slowly(day: TradingDay, bars: list[datetime], opened: set[datetime], now: datetime) -> DayCoverage:
    """One day of bars in time order; `opened` are the minutes that the exchange was open."""
    inside = [bar for bar in bars if day.start <= bar < day.end]
    expected = [minute for minute in list_minutes(day.start, day.end) if minute in opened]
    so_far = [minute for minute in expected if minute + MINUTE <= now or any(bar >= minute for bar in inside[-1:])]
    return DayCoverage(
        day=day.date,
        start=day.start,
        end=day.end,
        ts=day.ts,
        bars=len(inside),
        open_bars=len(opened.intersection(inside)),
        expected=len(expected),
        expected_by_now=len(so_far),
        forming=day.end > now,
        first=inside[0] if inside else None,
        last=inside[-1] if inside else None,
        gaps=sum(after - before > MINUTE for before, after in pairwise(inside)),
    )


def find_gaps_slowly(calendar: str, bars: list[datetime], opened: set[datetime]) -> Gaps:
    """The gaps between bars in time order; `opened` are the minutes that the exchange was open."""
    found = []
    for after, before in pairwise(bars):
        missing = list_minutes(after + MINUTE, before)
        if missing:
            found.append(Gap(after, before, len(opened.intersection(missing)) if calendar else None))
    open_gaps = sorted(
        (gap for gap in found if gap.open_minutes), key=lambda gap: (-(gap.open_minutes or 0), -gap.minutes)
    )
    closed_gaps = sorted((gap for gap in found if not gap.open_minutes), key=lambda gap: -gap.minutes)
    longest = open_gaps[: gaps.MAX_GAPS] + closed_gaps[: gaps.MAX_GAPS]
    return Gaps(len(found), len(open_gaps) if calendar else None, sorted(longest, key=lambda gap: gap.after))


def compute_coverage(
    calendar: str, bars: list[datetime], start: datetime | None, end: datetime | None, now: datetime
) -> Coverage:
    """What `read_coverage` should return for bars in time order."""
    end = end or bars[-1] + MINUTE
    start = start or max(bars[0], end - DEFAULT_COVERAGE)
    around = find_trading_days(calendar, min(bars[0], now) - 9 * DAY, max(bars[-1], now) + 9 * DAY)
    stop = min(end, max(bars[-1] + MINUTE, now))
    days = [day for day in around if day.end > max(start, bars[0]) and day.start < stop and start < end]
    opened = {minute for day in days for span in day.spans for minute in list_minutes(*span)}
    found = [measure_day_slowly(day, bars, opened, now) for day in days]
    listed = [day for day in found if day.bars or day.expected]
    counts = sorted(day.bars for day in listed if day.bars and not day.forming)
    usual = None if calendar or len(counts) < 5 else int(median(counts[len(counts) // 2 :]))
    inside = [bar for bar in bars if start <= bar < end]
    return Coverage(start, max(start, end), listed, usual, find_gaps_slowly(calendar, inside, opened))


def set_calendar(series: Series, calendar: str) -> Series:
    """The series, with another calendar in memory."""
    series.calendar = calendar
    return series


def list_minutes_by_clock(first: str, last: str, zone: ZoneInfo, is_open: Callable[[datetime], bool]) -> list[datetime]:
    """The minutes from one date to another, inclusive, at which `is_open` is true of the time in the zone."""
    start, end = utc(f"{first} 00:00", zone), utc(f"{last} 00:00", zone) + DAY
    return [minute for minute in list_minutes(start, end) if is_open(minute.astimezone(zone))]
