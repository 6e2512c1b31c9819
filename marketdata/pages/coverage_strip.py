"""The strip of daily coverage: eight weeks of one series as a small picture, drawn as SVG paths without any style."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from marketdata.pages.query import STRIP_DAYS

HEIGHT = 20
STEP = 4  # a column is three wide, and one apart from the next


@dataclass(frozen=True)
class Strip:
    """`bars` and `none`: SVG path data for the days with bars (as high as hours have bars) and those without."""

    bars: str
    none: str
    words: str
    width: int = STRIP_DAYS * STEP
    height: int = HEIGHT


def strip_start(last: datetime) -> datetime:
    """Midnight UTC of the strip's first day, if it ends with the day of `last`."""
    return datetime.combine(last.astimezone(UTC).date() - timedelta(days=STRIP_DAYS - 1), time(), UTC)


def draw_strip(hours: Mapping[date, int], last: datetime) -> Strip:
    """Each day as a column, as high as its hours with bars are many; the fullest day fills the height."""
    first_day = strip_start(last).date()
    fullest = max(hours.values(), default=1)
    bars, none = [], []
    for index in range(STRIP_DAYS):
        count = hours.get(first_day + timedelta(days=index), 0)
        height = max(2, round(count / fullest * HEIGHT)) if count else 1
        (bars if count else none).append(f"M{index * STEP} {HEIGHT - height}h3v{height}h-3z")
    words = f"{len(hours)} of the {STRIP_DAYS} days to {last.astimezone(UTC):%Y-%m-%d} have bars"
    return Strip("".join(bars), "".join(none), words)
