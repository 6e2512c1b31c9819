"""Generated times of bars with what makes real ones hard to judge: busy and quiet hours, days that differ, bursts, and
quiet holidays. The bars come by chance: none is lost."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from marketdata.quality.detectors.model import MINUTE, Bars, Detected, SeriesContext, Span
from marketdata.quality.detectors.sessions import Sessions, read_sessions

CALENDAR = "CME Globex Equity"
# Bars per minute at 00:00, 02:00 … on the clocks of the exchange, as a share of the busiest hour.
_SHAPE = np.array([0.08, 0.12, 0.2, 0.35, 1.0, 0.8, 0.7, 0.5, 0.1, 0.08, 0.06, 0.06])


def to_ns(text: str) -> int:
    """The nanoseconds since 1970 of a UTC time."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def generate_times(
    sessions: Sessions, span: Span, rate: float, *, seed: int = 1, spread: float = 0.35, burst: float = 0.3
) -> np.ndarray:
    """The minutes of the span that have a bar. `rate`: trades per minute in the busiest hour of a usual day.

    The days' activity has the `spread` of a logarithm, and changes within the day by `burst`. A day with less than
    1,000 open minutes is a holiday: a third of the activity.
    """
    rng = np.random.default_rng(seed)
    minutes = sessions.list_open_minutes(*span)
    day, slot = sessions.find_day(minutes), sessions.find_local_minute(minutes)
    levels = np.exp(rng.normal(0, spread, int(day.max()) + 1))
    levels[np.bincount(day) < 1000] /= 3
    shape = np.interp(slot, np.arange(0, 1441, 120), np.append(_SHAPE, _SHAPE[0]))
    within = np.repeat(np.exp(rng.normal(0, burst, len(minutes) // 30 + 1)), 30)[: len(minutes)]
    expected = rate * levels[day] * shape * within
    return minutes[rng.random(len(minutes)) < -np.expm1(-expected)]


def make_bars(ts: np.ndarray) -> Bars:
    """Bars at these times, all of the same price."""
    price, volume = np.full(len(ts), 100 * 10**9), np.ones(len(ts), np.int64)
    return Bars(ts.astype(np.int64), price, price, price, price, volume, np.zeros(len(ts), np.int32))


def remove(ts: np.ndarray, *spans: Span) -> np.ndarray:
    """The times without those of the spans."""
    for start, end in spans:
        ts = ts[(ts < start) | (ts >= end)]
    return ts


class Market:
    """A year of an exchange, and series that trade there."""

    def __init__(self, start: str = "2021-01-04", end: str = "2021-07-01", calendar: str = CALENDAR) -> None:
        self.span = to_ns(start), to_ns(end)
        self.sessions = read_sessions(calendar, *self.span)

    def generate(self, rate: float, **options: float) -> np.ndarray:
        return generate_times(self.sessions, self.span, rate, **options)  # type: ignore[arg-type]  # options of several types

    def make_context(self, ts: np.ndarray, **known: object) -> SeriesContext:
        """What is known about the series that has these bars; `known` replaces it."""
        life = [(int(ts[0]), int(ts[-1]) + MINUTE)]
        values: dict[str, object] = {"judged": self.span, "calendar": self.sessions, "life": life, **known}
        return SeriesContext(**values)  # type: ignore[arg-type]  # values of several types


def covers(found: Sequence[Detected], span: Span, slack: int = 5 * MINUTE) -> bool:
    """Whether one of the findings is about this span: it begins and ends there, except for some quiet minutes."""
    return any(abs(one.start_ns - span[0]) <= slack and abs(one.end_ns - span[1]) <= slack for one in found)
