"""How much processor time a check will need. Measured: a short range needs 0.05 to 0.06 s; bars that are only read to
compare with need 0.6 µs each, judged ones 3 µs. Calendars that are not stored yet need a second."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from marketdata.bars.stats import SeriesStats, list_stats
from marketdata.calendars.trading_days import has_years
from marketdata.models import Series
from marketdata.quality.check import CheckRange
from marketdata.quality.engine import LEAD, TAIL

_SECONDS, _SECONDS_PER_COMPARED, _SECONDS_PER_JUDGED, _SECONDS_OF_CALENDAR = 0.055, 0.6e-6, 3e-6, 1.5
_MINUTE = timedelta(minutes=1)
_AROUND = timedelta(microseconds=(LEAD + TAIL) // 1000)


def estimate_least(bar_count: int) -> float:
    """Seconds that a check of so many new bars needs at least."""
    return bar_count * _SECONDS_PER_JUDGED


def estimate_checks(ranges: Sequence[tuple[Series, CheckRange]]) -> float:
    """Seconds that the checks of these series and ranges need."""
    stats = list_stats([series for series, _ in ranges])
    return sum(_estimate(series, within, own) for (series, within), own in zip(ranges, stats, strict=True))


def _estimate(series: Series, within: CheckRange, stats: SeriesStats) -> float:
    if stats.min_ts is None or stats.max_ts is None:
        return _SECONDS
    start = max(within.start or stats.min_ts, stats.min_ts)
    end = min(within.end or stats.max_ts, stats.max_ts)
    density = min(1.0, stats.row_count / ((stats.max_ts - stats.min_ts) / _MINUTE + 1))
    judged = min(density * (max(end - start, _MINUTE) / _MINUTE), stats.row_count)
    compared = min(density * (_AROUND / _MINUTE), stats.row_count)
    seconds = _SECONDS + compared * _SECONDS_PER_COMPARED + judged * _SECONDS_PER_JUDGED
    return seconds if _has_calendar(series, start, end) else seconds + _SECONDS_OF_CALENDAR


def _has_calendar(series: Series, start: datetime, end: datetime) -> bool:
    return not series.calendar or has_years(series.calendar, (start - _AROUND).year, (end + _AROUND).year)
