"""Days with provisional bars: those of the live feed, until history confirms them."""

from __future__ import annotations

from collections.abc import Sequence

from marketdata.coverage.days import DayCoverage
from marketdata.history.provisional_periods import find_provisional_periods
from marketdata.models import Series


def find_provisional_days(series: Series, days: Sequence[DayCoverage]) -> list[bool]:
    """Whether each day has a provisional bar."""
    starts, ends = ([int(getattr(day, name).timestamp()) for day in days] for name in ("start", "end"))
    return find_provisional_periods(series, starts, ends)
