"""Which candles are provisional: one of their bars is."""

from __future__ import annotations

import numpy as np

from marketdata.calendars.hours import Hours
from marketdata.candles.columns import Candles
from marketdata.candles.periods import find_periods
from marketdata.history.provisional import find_with_provisional, read_first_live
from marketdata.models import Series
from marketdata.timestamps import from_seconds

# Bars of a candle come this long after its timestamp at most.
_LONGEST_SECONDS = 14 * 86_400


def find_provisional_candles(series: Series, timeframe: str, candles: Candles, hours: Hours = Hours.ALL) -> list[bool]:
    """Whether each of these candles, in time order or the reverse, has a provisional bar in its period. Without a live
    feed this costs one query."""
    if not len(candles):
        return []
    first_live = read_first_live(series.dataset)
    if first_live is None:
        return [False] * len(candles)
    times = np.array(candles.ts, np.int64)
    recent = np.flatnonzero(times > first_live.timestamp() - _LONGEST_SECONDS)
    flags = np.zeros(len(times), bool)
    if len(recent):
        first, last = int(times[recent].min()), int(times[recent].max())
        periods = find_periods(series.calendar, timeframe, from_seconds(first), from_seconds(last + 60), hours)
        indexes = np.searchsorted(periods.labels, times[recent])
        starts, ends = periods.starts[indexes].tolist(), periods.ends[indexes].tolist()
        flags[recent] = find_with_provisional(series, starts, ends, first_live=first_live)
    found: list[bool] = flags.tolist()
    return found
