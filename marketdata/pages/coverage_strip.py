"""The coverage strip: eight weeks of one series as a small bar chart. SVG paths without styles, which the content
security policy would block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from marketdata.coverage.life import Life
from marketdata.pages.query import STRIP_DAYS
from marketdata.rollup.minute_masks import datetime_to_minute

HEIGHT = 20
STEP = 4  # a column of three units and a space of one

_DAY = timedelta(days=1)
_MINUTES = 1440  # of a day


@dataclass(frozen=True)
class Strip:
    """SVG path data of the days with bars and of the days without, and the text alternative. Days outside the series'
    life are blank."""

    days_with_bars: str
    days_without_bars: str
    label: str
    width: int = STRIP_DAYS * STEP
    height: int = HEIGHT


def find_strip_start(last: datetime) -> datetime:
    """Midnight UTC of the first day of a strip whose last day is that of `last`."""
    return datetime.combine(last.astimezone(UTC).date() - (STRIP_DAYS - 1) * _DAY, time(), UTC)


def draw_strip(hours: Mapping[date, int], last: datetime, life: Life) -> Strip:
    """One column per UTC day up to the day of `last`. `hours` has the number of hours with bars by day; the highest
    number fills the height."""
    first_day = find_strip_start(last).date()
    most_hours = max(hours.values(), default=1)
    with_bars: list[str] = []
    without_bars: list[str] = []
    lived = _list_days(life, last)
    for index in lived:
        count = hours.get(first_day + index * _DAY, 0)
        height = max(2, round(count / most_hours * HEIGHT)) if count else 1
        (with_bars if count else without_bars).append(f"M{index * STEP} {HEIGHT - height}h3v{height}h-3z")
    label = f"{len(hours)} of the {len(lived)} days to {last.astimezone(UTC):%Y-%m-%d} have bars"
    return Strip("".join(with_bars), "".join(without_bars), label)


def _list_days(life: Life, last: datetime) -> list[int]:
    """The days of the strip that overlap the life, by number."""
    start = find_strip_start(last)
    ranges = (life.clip(start, start + STRIP_DAYS * _DAY) - datetime_to_minute(start)).T.tolist()
    return sorted({day for first, stop in ranges for day in range(first // _MINUTES, (stop - 1) // _MINUTES + 1)})
