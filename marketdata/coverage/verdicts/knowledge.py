"""All that decides why a series has no bars in a range of time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np

from marketdata.calendars.buckets import OpenMinutes
from marketdata.calendars.trading_days import find_trading_days
from marketdata.history.known import (
    DAY_MINUTES,
    Availability,
    HistoryDays,
    LiveRange,
    read_availability,
    read_days,
    read_file_ranges,
    read_live_ranges,
    to_midnight,
)
from marketdata.history.known_empty import read_known_empty
from marketdata.models import KnownEmpty, Series
from marketdata.rollup.minute_masks import MinuteMasks, datetime_to_minute

_MINUTE, _DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class Knowledge:
    """What is known about the days of a range. Minutes and edges are minutes since 1970, UTC.

    `stored` counts the bars of each day where history covers it. `files` are the ranges of loaded files: starts
    and ends. `live` is what live sessions closed, later sessions last. `open_minutes` is None without a calendar.
    """

    series: Series
    now: datetime
    days: HistoryDays
    stored: np.ndarray
    empty: Sequence[KnownEmpty]
    availability: Availability | None
    files: np.ndarray
    live: Sequence[LiveRange]
    open_minutes: OpenMinutes | None

    @property
    def available_end(self) -> datetime | None:
        """Until when history is available now, as far as it is known."""
        return self.availability.find_end(self.now) if self.availability else None

    def list_edges(self) -> np.ndarray:
        """Where a verdict can change, from the first midnight to the last."""
        midnights = _list_midnights(self.days, 1)
        edges = [midnights, self.days.covered_from, self.days.covered_until, self.files.ravel()]
        edges += [np.array([[datetime_to_minute(edge) for edge in (row.start, row.end)]]).ravel() for row in self.empty]
        for part in self.live:
            edges += [np.array([part.start, part.end]), part.unproven, part.unproven + 1]
        if self.available_end:
            edges.append(np.array([datetime_to_minute(self.available_end)]))
        if self.open_minutes:
            edges += [self.open_minutes.opened // 60, self.open_minutes.closed // 60]
        edge = np.unique(np.concatenate(edges).astype(np.int64))
        inside: np.ndarray = edge[(edge >= midnights[0]) & (edge <= midnights[-1])]
        return inside

    def count_open(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """How many minutes of each range the exchange was open: all without a calendar."""
        if self.open_minutes is None:
            minutes: np.ndarray = ends - starts
            return minutes
        return self.open_minutes.count_between(starts * 60, ends * 60)


def read_knowledge(series: Series, first: datetime, stop: datetime, masks: MinuteMasks, now: datetime) -> Knowledge:
    """What is known about the days that overlap [first, stop). `masks` has the bars of these days, from midnight on."""
    days = read_days(series, first.date(), (stop - _MINUTE).date() + _DAY)
    # Days that history does not cover begin and end at 0, before the first bar.
    stored = masks.count_before(days.covered_until) - masks.count_before(days.covered_from)
    return Knowledge(
        series,
        now,
        days,
        stored,
        read_known_empty(series, first, stop),
        read_availability(series.dataset),
        read_file_ranges(series),
        read_live_ranges(series, first, stop),
        OpenMinutes(find_trading_days(series.calendar, first, stop)) if series.calendar else None,
    )


def _list_midnights(days: HistoryDays, more: int = 0) -> np.ndarray:
    """The first minute of each day, and of `more` days after them."""
    first = datetime_to_minute(to_midnight(days.first))
    midnights: np.ndarray = first + DAY_MINUTES * np.arange(len(days.records) + more)
    return midnights
