"""What is known about a series before its bars are judged: calendar, tick, life, known causes of empty ranges."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from functools import partial
from types import MappingProxyType

from django.db.models import Q

from marketdata.bars.stats import get_stats, list_stats
from marketdata.coverage.life import read_life
from marketdata.history.known_empty import read_known_empty
from marketdata.models import KnownEmpty, Series
from marketdata.models.bar import EARLIEST, LATEST
from marketdata.quality.detectors.model import DAY, Bars, SeriesContext, Span
from marketdata.quality.detectors.sessions import read_sessions
from marketdata.quality.detectors.thresholds import Thresholds, UnknownThreshold
from marketdata.quality.expected import find_expected_until
from marketdata.quality.reading import read_bars, to_datetime, to_ns
from marketdata.quality.vendor.days import MISSING, read_conditions
from marketdata.rollup.neighbours import find_first_minute

_MINUTE = timedelta(minutes=1)
_SCALE = 9
_CAUSES = (KnownEmpty.Why.CLOSED, KnownEmpty.Why.NOT_LISTED, KnownEmpty.Why.NOT_RESOLVED, KnownEmpty.Why.VENDOR_MISSING)
_MAX_RELATED = 12  # contracts: the nearest ones


@dataclass(frozen=True)
class SeriesBounds:
    """A series with the time of its first bar and the end of its last one, ns, and what is known of it."""

    series: Series
    first: int
    stop: int
    context: SeriesContext  # of no window yet

    def place(self, judged: Span, whole: Span) -> SeriesContext:
        """What is known, for a window: which of its bars are judged, and the calendar of all of them."""
        calendar = self.series.calendar
        sessions = read_sessions(calendar, *whole) if calendar else None
        return replace(self.context, judged=judged, calendar=sessions)


def read_bounds(
    series: Series, now: datetime, thresholds: Mapping[str, object] = MappingProxyType({})
) -> SeriesBounds | None:
    """What is known about a series; None if it has no bars. `thresholds` override its own.

    Raises `UnknownThreshold` if its thresholds are none.
    """
    stats = get_stats(series)
    if stats.min_ts is None or stats.max_ts is None:
        return None
    life = read_life(series, stats.min_ts, stats.max_ts)
    conditions = read_conditions(series)
    end = life.find_stop(stats.max_ts, now)
    context = SeriesContext(
        judged=(0, 0),
        tick=int(series.tick_size.scaleb(_SCALE)) if series.tick_size else 0,
        life=[(to_ns(start), to_ns(min(stop, end))) for start, stop in life.ranges if start < end],
        is_price_signed=series.kind in (Series.Kind.SPREAD, Series.Kind.OPTION),
        conditions=conditions,
        kind=series.kind,
        is_front=series.kind != Series.Kind.SPREAD and series.kind != Series.Kind.OPTION,
        thresholds=read_thresholds(series).override(thresholds),
        known_empty=_read_known_empty(series, conditions),
        now_ns=to_ns(now),
        expected_until_ns=find_expected_until(series, stats.max_ts, now),
        read_related=_find_related(series),
        find_next_bar=_make_finder(series.symbol, stats.max_ts),
        read_calendar=partial(read_sessions, series.calendar) if series.calendar else None,
    )
    return SeriesBounds(series, to_ns(stats.min_ts), to_ns(stats.max_ts + _MINUTE), context)


def read_thresholds(series: Series) -> Thresholds:
    """The thresholds of a series. Raises `UnknownThreshold`, which names the series, for those that are none."""
    try:
        return Thresholds().override(series.quality_thresholds)
    except UnknownThreshold as error:
        raise UnknownThreshold(f"Thresholds of {series.slug}: {error}") from None


def _read_known_empty(series: Series, conditions: Mapping[date, str]) -> list[Span]:
    """Ranges that have no bars for a known cause. That the vendor has no records is no cause: it can have lost them."""
    rows = [(one.start, one.end) for one in read_known_empty(series, EARLIEST, LATEST) if one.why in _CAUSES]
    lacking = [_to_midnight_ns(day) for day, condition in conditions.items() if condition == MISSING]
    return _join(sorted([*((to_ns(start), to_ns(end)) for start, end in rows), *((at, at + DAY) for at in lacking)]))


def _join(spans: list[Span]) -> list[Span]:
    joined: list[Span] = []
    for start, end in spans:
        if joined and start <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]))
        else:
            joined.append((start, end))
    return joined


def _to_midnight_ns(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY


def _make_finder(symbol: str, last: datetime) -> Callable[[int], int | None]:
    """A function that finds the first bar of the series from a time on. `last`: its newest bar."""

    def find(start: int) -> int | None:
        first = find_first_minute(symbol, to_datetime(start), last + _MINUTE) if start <= to_ns(last) else None
        return to_ns(first) if first else None

    return find


def _find_related(series: Series) -> Callable[[int, int], list[tuple[str, Bars]]] | None:
    """A function that reads the bars of the product's other contracts; None if there are none."""
    if not series.root:
        return None
    same = Series.objects.filter(Q(kind=Series.Kind.OUTRIGHT), root=series.root, dataset=series.dataset)
    others = list(same.exclude(pk=series.pk))
    if not others:
        return None
    spans: Mapping[str, Span] = {
        one.symbol: (to_ns(stats.min_ts), to_ns(stats.max_ts))
        for one, stats in zip(others, list_stats(others), strict=True)
        if stats.min_ts and stats.max_ts
    }

    def read(start: int, end: int) -> list[tuple[str, Bars]]:
        present = sorted(symbol for symbol, (first, last) in spans.items() if first < end and last >= start)
        nearest = sorted(present, key=lambda symbol: spans[symbol][1])[:_MAX_RELATED]
        return [(symbol, read_bars(symbol, start, end)) for symbol in nearest]

    return read
