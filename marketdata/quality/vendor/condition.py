"""Days that the vendor itself calls degraded, pending, missing or restated. Bars may be complete all the same."""

from __future__ import annotations

from datetime import date, timedelta

from marketdata.quality.detectors.model import DAY, Bars, Detected, SeriesContext

_ONE = timedelta(days=1)
_SEVERITIES = {"degraded": "info", "pending": "info", "missing": "warning", "restated": "warning"}
_TEXTS = {
    "degraded": "The vendor calls {days} degraded: its data may lack records.",
    "pending": "The vendor calls {days} pending: its data were not complete when they were loaded.",
    "missing": "The vendor states that it has no data of {days}.",
    "restated": "The vendor made {days} again after it was loaded: request the range again.",
}


def find_vendor_condition(bars: Bars, context: SeriesContext) -> list[Detected]:
    """One finding for each range of days with the same condition, within the life of the series."""
    threshold = context.thresholds.vendor_condition
    found = []
    for first, last, condition in _join_days(context):
        start, end, count = _to_ns(first), _to_ns(last) + DAY, (last - first).days + 1
        if count >= threshold and context.judged[0] <= start < context.judged[1] and _is_alive(context, start, end):
            days = f"{first}" if first == last else f"{first} to {last}"
            text = _TEXTS[condition].format(days=days)
            found.append(
                Detected("vendor_condition", _SEVERITIES[condition], start, end, float(count), threshold, text)
            )
    return found


def _join_days(context: SeriesContext) -> list[tuple[date, date, str]]:
    """First and last day of each range of consecutive days with one condition."""
    joined: list[tuple[date, date, str]] = []
    for day, condition in sorted(context.conditions.items()):
        if condition not in _TEXTS:
            continue
        if joined and joined[-1][1] + _ONE == day and joined[-1][2] == condition:
            joined[-1] = (joined[-1][0], day, condition)
        else:
            joined.append((day, day, condition))
    return joined


def _is_alive(context: SeriesContext, start: int, end: int) -> bool:
    return any(first < end and stop > start for first, stop in context.life)


def _to_ns(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY
