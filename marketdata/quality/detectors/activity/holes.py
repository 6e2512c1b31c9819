"""How far a gap goes on after the minutes that are judged: to the next bar, however many months later that is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from marketdata.calendars.intervals import intersect
from marketdata.quality.detectors.model import DAY, MINUTE, SeriesContext
from marketdata.quality.detectors.sessions import Sessions

# So much of a calendar is in memory at once.
_STEP = 366 * DAY
_ALWAYS = np.iinfo(np.int64)

ReadSessions = Callable[[int, int], Sessions]


@dataclass(frozen=True)
class Rest:
    """The expected minutes of a gap after those that are judged, and the end of the last of them, ns."""

    minutes: int
    end: int


def find_next_bar(ts: np.ndarray, context: SeriesContext, start: int) -> int | None:
    """The first bar from `start` on, also after the window `ts`; None if there is none."""
    at = int(np.searchsorted(ts, start))
    if at < len(ts):
        return int(ts[at])
    return context.find_next_bar(start) if context.find_next_bar else None


def measure_rest(start: int, stop: int, context: SeriesContext, read_sessions: ReadSessions) -> Rest:
    """The expected minutes of [start, stop), ns, up to the first open minute outside the life of the series."""
    minutes, end = 0, start
    for first in range(start, stop, _STEP):
        last = min(first + _STEP, stop)
        sessions = read_sessions(first, last)
        life_end = _find_life_end(sessions, context, first, last)
        opened = sessions.clip_open(first, last if life_end is None else life_end)
        _, starts, ends = intersect(*opened, *_complement(*context.known_empty_edges))
        if len(ends):
            minutes, end = minutes + int((ends - starts).sum()) // MINUTE, int(ends[-1])
        if life_end is not None:
            break
    return Rest(minutes, end)


def _find_life_end(sessions: Sessions, context: SeriesContext, start: int, stop: int) -> int | None:
    """The first open minute of [start, stop) that is outside the life."""
    if not context.life:
        return None
    _, outside, _ = intersect(*sessions.clip_open(start, stop), *_complement(*context.life_edges))
    return int(outside[0]) if len(outside) else None


def _complement(starts: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All that is not in these ranges."""
    return np.append(_ALWAYS.min, ends), np.append(starts, _ALWAYS.max)
