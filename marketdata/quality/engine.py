"""Judges the bars of a series, window by window: reads them once, and calls every detector with each window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from marketdata.models import Series
from marketdata.quality.context import SeriesBounds, read_bounds
from marketdata.quality.detectors.events.merge import merge_events
from marketdata.quality.detectors.model import DAY, MINUTE, Bars, Detected, SeriesContext, Span
from marketdata.quality.reading import BarReader, to_ns
from marketdata.quality.registry import DETECTORS, Detector

# Bars of the lead and of the tail are read to compare with: the activity of about 40 trading days, and what follows.
LEAD, TAIL, WINDOW = 62 * DAY, 10 * DAY, 248 * DAY


@dataclass(frozen=True)
class Judged:
    """What the detectors found in a range of a series. `judged` is None if it has no bars there."""

    series: Series
    judged: Span | None
    found: Sequence[Detected]
    bounds: SeriesBounds | None = None


def judge_series(
    series: Series,
    *,
    start: datetime | None = None,
    end: datetime | None = None,
    now: datetime,
    detectors: Sequence[Detector] = DETECTORS,
    thresholds: Mapping[str, object] | None = None,
) -> Judged:
    """Run the detectors on the bars of [start, end), UTC; by default on all. `thresholds` override the series' own.

    Raises `UnknownThreshold`, and `UnknownCalendar` if the calendar of the series is not known.
    """
    bounds = read_bounds(series, now, thresholds or {})
    span = find_judged(bounds, start, end) if bounds else None
    if bounds is None or span is None:
        return Judged(series, None, [])
    found = [one for window in list_windows(bounds, span) for one in judge_window(window, detectors)]
    return Judged(series, span, found, bounds)


def find_judged(bounds: SeriesBounds, start: datetime | None, end: datetime | None) -> Span | None:
    """What of [start, end) is judged: from the first minute in which bars are expected to the last, or to now for a
    series that is kept current. None if that is nothing."""
    life = bounds.context.life
    first = min(bounds.first, life[0][0] if life else bounds.first)
    stop = max(bounds.stop, life[-1][1] if life else bounds.stop, bounds.context.expected_until_ns)
    first = first if start is None else max(first, to_ns(start))
    stop = stop if end is None else min(stop, to_ns(end))
    first, stop = first // MINUTE * MINUTE, -(-stop // MINUTE) * MINUTE
    return (first, stop) if first < stop else None


@dataclass(frozen=True)
class Window:
    """Bars with what is known about them."""

    bars: Bars
    context: SeriesContext


def list_windows(bounds: SeriesBounds, span: Span) -> Iterator[Window]:
    """The windows of a range in time order, each with its lead and its tail.

    What follows the last bar, however long it is, belongs to the window of that bar: its end shows that the series is
    silent. The lead of a range that begins later still has the last bars.
    """
    reader = BarReader(bounds.series)
    starts = range(span[0], max(min(span[1], bounds.stop), span[0] + 1), WINDOW)
    for start in starts:
        judged = start, span[1] if start == starts[-1] else start + WINDOW
        whole = min(judged[0], bounds.stop) - LEAD, judged[1] + TAIL
        yield Window(reader.read(*whole), bounds.place(judged, whole))


def judge_window(window: Window, detectors: Sequence[Detector]) -> list[Detected]:
    """What the detectors find that starts within the judged range."""
    start, end = window.context.judged
    found = merge_events([one for detect in detectors for one in detect(window.bars, window.context)])
    return sorted((one for one in found if start <= one.start_ns < end), key=lambda one: (one.start_ns, one.kind))
