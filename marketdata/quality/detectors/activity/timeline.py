"""The minutes in which a series may have bars: open, within its life, over, and without a known cause to be empty."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from marketdata.quality.detectors.model import MINUTE, SeriesContext
from marketdata.quality.detectors.sessions import Sessions

MINUTES_PER_DAY = 1440


@dataclass(frozen=True)
class Timeline:
    """Parallel arrays in time order, one element for each expected minute."""

    ts: np.ndarray  # int64, ns
    has_bar: np.ndarray  # bool
    day: np.ndarray  # the index of its trading day, from 0 on
    slot: np.ndarray  # the minute of the day on the clocks of the exchange
    part: np.ndarray  # the number of the range of life that it belongs to

    def __len__(self) -> int:
        return len(self.ts)

    @cached_property
    def day_count(self) -> int:
        """How many trading days there are."""
        return int(self.day[-1]) + 1 if len(self.day) else 0

    def count_by_day(self, keep: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How many of the kept minutes each day has in each minute of the day, and how many of them have a bar."""
        cell = (self.day * MINUTES_PER_DAY + self.slot)[keep]
        shape = (self.day_count, MINUTES_PER_DAY)
        size = self.day_count * MINUTES_PER_DAY
        minutes = np.bincount(cell, minlength=size).reshape(shape).astype(np.float64)
        bars = np.bincount(cell[self.has_bar[keep]], minlength=size).reshape(shape).astype(np.float64)
        return minutes, bars


@dataclass(frozen=True)
class Gaps:
    """Runs of expected minutes without bars, as positions in the timeline: [start, end) of each."""

    start: np.ndarray
    end: np.ndarray

    def __len__(self) -> int:
        return len(self.start)

    def select(self, index: np.ndarray) -> Gaps:
        """The gaps at these positions, or where this mask is true."""
        return Gaps(self.start[index], self.end[index])


def make_timeline(ts: np.ndarray, sessions: Sessions, context: SeriesContext, start: int, end: int) -> Timeline:
    """The expected minutes of [start, end), and which of them are in `ts`, the sorted times of the bars."""
    if context.now_ns:
        end = min(end, context.now_ns // MINUTE * MINUTE)
    minutes = sessions.list_open_minutes(start, max(start, end))
    part = _find_part(minutes, context)
    minutes, part = minutes[part >= 0], part[part >= 0]
    at = np.searchsorted(ts, minutes)
    has_bar = np.append(ts, np.iinfo(np.int64).max)[at] == minutes
    day = sessions.find_day(minutes)
    first_day = day[0] if len(day) else 0
    return Timeline(minutes, has_bar, day - first_day, sessions.find_local_minute(minutes), part)


def find_gaps(timeline: Timeline) -> Gaps:
    """All runs of minutes without bars, in time order. None crosses from one range of life to another."""
    empty = ~timeline.has_bar
    breaks = np.flatnonzero((np.diff(empty.astype(np.int8)) != 0) | (np.diff(timeline.part) != 0)) + 1
    edges = np.concatenate(([0], breaks, [len(timeline)])) if len(timeline) else np.zeros(1, np.int64)
    starts, ends = edges[:-1], edges[1:]
    is_gap = empty[starts]
    return Gaps(starts[is_gap], ends[is_gap])


def _find_part(minutes: np.ndarray, context: SeriesContext) -> np.ndarray:
    """The number of the range of life of each minute; -1 outside of them, and in ranges that are known to be empty.

    Ranges have the same number if no minute lies between them: a weekend does not divide a life.
    """
    in_life = _is_within(minutes, *context.life_edges) if context.life else np.ones(len(minutes), bool)
    part = np.cumsum(~in_life)
    part[~in_life | _is_within(minutes, *context.known_empty_edges)] = -1
    return part


def _is_within(minutes: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
    inside: np.ndarray = np.searchsorted(starts, minutes, side="right") > np.searchsorted(ends, minutes, side="right")
    return inside


def sum_gaps(values: np.ndarray, gaps: Gaps) -> np.ndarray:
    """The sum of the values of the minutes of each gap."""
    before = np.concatenate([[0.0], np.cumsum(values)])
    total: np.ndarray = before[gaps.end] - before[gaps.start]
    return total
