"""The rows of events: bars or candles of a series as they are stored now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np

from marketdata.bars.json_text import write_bar
from marketdata.bars.query import BarRow, read_bar_page, read_bars_at
from marketdata.calendars.hours import Hours
from marketdata.calendars.trading_days import find_trading_day
from marketdata.candles.aggregate import read_candles
from marketdata.candles.columns import Candles
from marketdata.candles.json_text import write_candles
from marketdata.candles.periods import Periods, find_periods
from marketdata.candles.provisional import find_provisional_candles
from marketdata.candles.query import read_candle_columns
from marketdata.history.provisional import find_provisional
from marketdata.models import Series
from marketdata.stream.events import Event, add_provisional, build_removed, build_row
from marketdata.stream.query import LOADED, TooManyChanges
from marketdata.timestamps import from_seconds, to_iso

BARS = "1m"
_MINUTE = timedelta(minutes=1)
# Ranges of candles without a gap between them, each of which costs a query.
_MAX_RANGES = 50


class Topic(NamedTuple):
    """What a stream is about: the timeframe of a series, and which hours count."""

    series: Series
    timeframe: str
    hours: Hours

    @property
    def depends_on_calendar(self) -> bool:
        """Whether another trading calendar makes other rows of the same bars."""
        return self.timeframe != BARS or self.hours is Hours.REGULAR

    def describe(self) -> dict[str, object]:
        return {"symbol": self.series.symbol, "timeframe": self.timeframe, "session": self.hours.value}


def read_last_rows(topic: Topic, limit: int, *, now: datetime) -> list[str]:
    """The last `limit` bars or candles in time order, as JSON objects."""
    if not limit:
        return []
    page = {"start": None, "end": None, "after": None, "descending": True, "limit": limit, "hours": topic.hours}
    if topic.timeframe == BARS:
        bars, _ = read_bar_page(topic.series, **page)  # type: ignore[arg-type]  # a dict of several types
        return _write_bars(topic.series, bars[::-1])
    candles, _ = read_candle_columns(topic.series, topic.timeframe, now=now, **page)  # type: ignore[arg-type]  # as above
    return _write_candles(topic, candles[::-1])


def build_changes(topic: Topic, changes: Mapping[datetime, bool], *, now: datetime) -> list[Event]:
    """An event for each bar or candle of these minutes, as it is stored now; whether a minute had a bar before.

    Raises `TooManyChanges`, and `UnknownCalendar` if the series' calendar does not exist any more.
    """
    if topic.hours is Hours.REGULAR:
        changes = {ts: flag for ts, flag in changes.items() if _is_regular(topic.series.calendar, ts)}
    if not changes:
        return []
    return (_build_bars if topic.timeframe == BARS else _build_candles)(topic, changes, now)


def find_close(topic: Topic, minute: datetime) -> float:
    """When the candle of this minute is no longer forming, in seconds since 1970."""
    return _find_period(topic, minute)[1]


def find_formed(topic: Topic, since: datetime, *, now: datetime) -> dict[datetime, bool]:
    """A minute of the candle that was forming at `since` and is not any more, as a change of no run; nothing if it had
    no bar then."""
    if topic.timeframe == BARS:
        return {}
    start, close = _find_period(topic, since)
    if not since.timestamp() < close <= now.timestamp():
        return {}
    bars, _ = read_bar_page(
        topic.series, start=from_seconds(start), end=since, after=None, descending=True, limit=1, hours=topic.hours
    )
    return {bar.ts: False for bar in bars}


def _find_period(topic: Topic, time: datetime) -> tuple[int, float]:
    """The start of the candle of this time, and when it is no longer forming, in seconds since 1970."""
    periods = find_periods(topic.series.calendar, topic.timeframe, time, time + _MINUTE, topic.hours)
    index = int(np.searchsorted(periods.starts, int(time.timestamp()), side="right")) - 1
    return int(periods.starts[index]), float(periods.closes[index])


def _build_bars(topic: Topic, changes: Mapping[datetime, bool], now: datetime) -> list[Event]:
    bars = read_bars_at(topic.series, list(changes))
    rows = dict(zip((bar.ts for bar in bars), _write_bars(topic.series, bars), strict=True))
    return [
        build_row(rows[ts], is_revision=is_revision) if ts in rows else build_removed(to_iso(ts))
        for ts, is_revision in changes.items()
    ]


def _build_candles(topic: Topic, changes: Mapping[datetime, bool], now: datetime) -> list[Event]:
    minutes = list(changes)
    events: list[Event] = []
    for first, last in _split(minutes):
        revised = [ts for ts in minutes[first:last] if changes[ts]]
        events += _build_candle_range(topic, minutes[first:last], revised, now)
    return events


def _split(minutes: Sequence[datetime]) -> list[tuple[int, int]]:
    """The slices of minutes that are at most a week apart."""
    edges = [n for n in range(1, len(minutes)) if minutes[n] - minutes[n - 1] > timedelta(weeks=1)]
    if len(edges) >= _MAX_RANGES:
        raise TooManyChanges(LOADED)
    return list(zip([0, *edges], [*edges, len(minutes)], strict=True))


def _build_candle_range(
    topic: Topic, minutes: Sequence[datetime], revised: Sequence[datetime], now: datetime
) -> list[Event]:
    periods = find_periods(topic.series.calendar, topic.timeframe, minutes[0], minutes[-1] + _MINUTE, topic.hours)
    changed, with_revision = _find_indexes(periods, minutes), set(_find_indexes(periods, revised).tolist())
    edges = np.flatnonzero(np.diff(changed) > 1) + 1
    if len(edges) >= _MAX_RANGES:
        raise TooManyChanges(LOADED)
    events = []
    for indexes in np.split(changed, edges):
        part = periods[int(indexes[0]) : int(indexes[-1]) + 1]
        candles = read_candles(topic.series.symbol, part, now=now)
        rows = dict(zip(candles.ts, _write_candles(topic, candles), strict=True))
        for index, ts in zip(indexes.tolist(), part.labels.tolist(), strict=True):
            if ts in rows:
                events.append(build_row(rows[ts], is_revision=index in with_revision))
            else:
                events.append(build_removed(to_iso(from_seconds(ts))))
    return events


def _find_indexes(periods: Periods, minutes: Sequence[datetime]) -> np.ndarray:
    """Which periods these minutes are in, in order."""
    seconds = np.array([int(ts.timestamp()) for ts in minutes], np.int64)
    return np.unique(np.searchsorted(periods.starts, seconds, side="right") - 1)


def _write_bars(series: Series, bars: Sequence[BarRow]) -> list[str]:
    return list(map(add_provisional, map(write_bar, bars), find_provisional(series, bars)))


def _write_candles(topic: Topic, candles: Candles) -> list[str]:
    flags = find_provisional_candles(topic.series, topic.timeframe, candles, topic.hours)
    return list(map(add_provisional, write_candles(candles), flags))


def _is_regular(calendar: str, ts: datetime) -> bool:
    return any(start <= ts < end for start, end in find_trading_day(calendar, ts).spans)
