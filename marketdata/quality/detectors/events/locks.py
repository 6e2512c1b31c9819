"""Markets at their price limit: the bars show one price, the highest or the lowest of the session, and long pauses.

Trades are still made at that price, some or none in a minute. So neither equal prices nor minutes without bars are
faults there.
"""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import DAY, Bars, SeriesContext, Span

MIN_FLAT = 3  # bars of one price beside a gap: one or two are chance
MIN_SHARE = 0.8  # of the bars of a run: the price reaches its limit, and leaves it


def is_lock(bars: Bars, first: int, stop: int, context: SeriesContext) -> bool:
    """Whether the bars from `first` to `stop` (positions, exclusive) have one price, at the limit of their session."""
    price = int(np.sort(bars.close[first:stop])[(stop - first) // 2])
    is_flat = (bars.high[first:stop] == price) & (bars.low[first:stop] == price)
    return bool(is_flat.mean() >= MIN_SHARE) and _is_extreme(bars, price, int(bars.ts[first]), context)


def is_gap_in_lock(bars: Bars, gap: Span, context: SeriesContext) -> bool:
    """Whether the market is at its limit before or after this range without bars."""
    before, after = np.searchsorted(bars.ts, gap).tolist()
    return any(
        is_lock(bars, first, first + MIN_FLAT, context)
        for first in (before - MIN_FLAT, after)
        if first >= 0 and first + MIN_FLAT <= len(bars)
    )


def _is_extreme(bars: Bars, price: int, moment: int, context: SeriesContext) -> bool:
    """Whether no price of the session is beyond this one, on one side, and some are on the other."""
    session = bars.slice(*_find_session(moment, context))
    if not len(session):
        return False
    low, high = int(session.low.min()), int(session.high.max())
    return low < high and price in (low, high)


def _find_session(moment: int, context: SeriesContext) -> Span:
    sessions = context.calendar
    if sessions is None or not len(sessions.day_start) or moment < sessions.day_start[0]:
        return moment // DAY * DAY, (moment // DAY + 1) * DAY
    day = int(sessions.find_day(np.array([moment]))[0])
    return int(sessions.day_start[day]), int(sessions.day_end[day])
