"""Trading days whose bars are stamped an hour late or early: the shape of the day's volumes is shifted.

The volumes of a day have a shape of their own: quiet nights, and bursts where exchanges open and close. The logarithms
of a day's volumes are compared with the usual ones of the same minutes, and with those an hour before and after.
"""

from __future__ import annotations

import numpy as np

from marketdata.quality.detectors.model import DAY, HOUR, Bars, Detected, SeriesContext
from marketdata.quality.detectors.prices.findings import format_minute, get_span
from marketdata.quality.detectors.sessions import Sessions

LEAD = 30 * DAY
MIN_DAYS, MIN_BARS = 8, 300
# The correlation with the shifted shape, and how much it exceeds that with the shape itself. Days of one market have
# correlations from 0.6 to 0.9 with its shape, and about 0.2 less when shifted.
MIN_CORRELATION, MIN_EXCESS = 0.5, 0.05
MIN_CLOSED_BARS = 20  # in the hour after the close, or before the open, in which there is no trade


def find_late_days(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each trading day that is an hour late or early. Nothing without a calendar that ever closes."""
    calendar = context.calendar
    near = bars.slice(context.judged[0] - LEAD, context.judged[1] + DAY)
    if calendar is None or len(near) < MIN_DAYS * MIN_BARS:
        return []
    minute = calendar.find_local_minute(near.ts)
    level = np.log(np.maximum(near.volume, 1))
    shape = _find_shape(level, minute)
    is_closed = ~calendar.is_trading(near.ts)
    found = []
    # The hours around the session belong to it, since bars of a shifted day lie there.
    days = calendar.find_day(near.ts[is_closed])
    for day in np.unique(np.concatenate((days, days + 1))).tolist():
        for start, end, shift in _list_shifts(calendar, day):
            first, stop = np.searchsorted(near.ts, (start, end))
            where = slice(int(first), int(stop))
            if stop - first < MIN_BARS or is_closed[where].sum() < MIN_CLOSED_BARS:
                continue
            right = _correlate(level[where], shape[minute[where]])
            shifted = _correlate(level[where], shape[(minute[where] - shift) % 1440])
            if shifted >= MIN_CORRELATION and shifted >= right + MIN_EXCESS:
                found.append(_describe(near, where, shift, context))
    return found


def _list_shifts(calendar: Sessions, day: int) -> list[tuple[int, int, int]]:
    """The session of a day with the hour after it, and with the one before: start, end, minutes of the shift."""
    opened, closed = calendar.trading_opened, calendar.trading_closed
    if not 0 <= day < len(calendar.day_start):
        return []
    chosen = np.flatnonzero((opened >= calendar.day_start[day]) & (opened < calendar.day_end[day]))
    if not len(chosen):
        return []
    first, last = int(opened[chosen[0]]), int(closed[chosen[-1]])
    return [(first, last + HOUR, 60), (first - HOUR, last, -60)]


def _find_shape(level: np.ndarray, minute: np.ndarray) -> np.ndarray:
    """The median of the values of each of 1440 minutes; NaN for a minute with fewer than 5."""
    order = np.lexsort((level, minute))
    counts = np.bincount(minute, minlength=1440)
    starts = np.cumsum(counts) - counts
    middle = np.minimum(starts + counts // 2, max(len(level) - 1, 0))
    return np.where(counts >= 5, level[order][middle], np.nan)


def _correlate(values: np.ndarray, usual: np.ndarray) -> float:
    """The correlation where both are known; 0 where too few are."""
    is_known = np.isfinite(usual)
    if is_known.sum() < MIN_BARS // 2:
        return 0.0
    left, right = values[is_known] - values[is_known].mean(), usual[is_known] - usual[is_known].mean()
    scale = float(np.sqrt((left**2).sum() * (right**2).sum()))
    return float((left * right).sum()) / scale if scale else 0.0


def _describe(bars: Bars, where: slice, shift: int, context: SeriesContext) -> Detected:
    positions = np.arange(where.start, where.stop)
    start, end = get_span(bars, positions)
    how = "an hour late" if shift > 0 else "an hour early"
    text = f"The trading day from {format_minute(start)} on is stamped {how}: its volumes have the usual shape then."
    threshold = context.thresholds.repeated
    return Detected("repeated", "error", start, end, float(len(positions)), threshold, text, bars.describe(positions))
