"""How long to wait between two sessions, and which ends are expected."""

from __future__ import annotations

import random
from collections import deque
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

STEADY_SECONDS = 60.0  # a session that had bars for so long shows that the gateway works

_FIRST_SECONDS = 1.0
_UNLIMITED, _RATE_SECONDS, _DISTANCE_SECONDS = 8, 60.0, 5.0
_CHICAGO = ZoneInfo("America/Chicago")
# Weekday (Monday is 0), time and zone of the weekly restart, and how long it may last.
_RESTARTS = {
    "GLBX": (5, time(2, 15), _CHICAGO),
    "IFEU": (6, time(9, 45), UTC),
    "IFUS": (6, time(9, 45), UTC),
    "IFLL": (6, time(9, 45), UTC),
    "NDEX": (6, time(9, 45), UTC),
}
_OTHER_RESTART = (6, time(10, 30), UTC)
_BEFORE, _AFTER = timedelta(minutes=5), timedelta(minutes=30)


class SessionRate:
    """At most 20 sessions begin in any 60 seconds, whatever ends them: eight without a limit, then one every five
    seconds. `monotonic` is this machine's monotonic time in seconds."""

    def __init__(self) -> None:
        self._begun: deque[float] = deque(maxlen=_UNLIMITED)

    def find_delay(self, monotonic: float) -> float:
        """The seconds until another session may begin."""
        if len(self._begun) < _UNLIMITED or monotonic - self._begun[0] >= _RATE_SECONDS:
            return 0.0
        return max(0.0, self._begun[-1] + _DISTANCE_SECONDS - monotonic)

    def begin(self, monotonic: float) -> None:
        """A session begins."""
        self._begun.append(monotonic)


class Pauses:
    """Doubles from one second to `longest`, less up to a half by chance, so that programs do not return together."""

    def __init__(self, longest: float) -> None:
        self._longest, self._next = longest, _FIRST_SECONDS

    def choose(self, steady_for: float) -> float:
        """The seconds until the next session, after one that had bars for `steady_for` seconds."""
        if steady_for >= STEADY_SECONDS:
            self._next = _FIRST_SECONDS
        pause = min(self._next, self._longest) * random.uniform(0.5, 1.0)
        self._next = min(self._next * 2, self._longest)
        return pause


def is_weekly_restart(dataset: str, ns: int) -> bool:
    """Whether the vendor restarts the dataset's gateway at this time, as it does each week."""
    weekday, at, zone = _RESTARTS.get(dataset.partition(".")[0], _OTHER_RESTART)
    moment = datetime.fromtimestamp(ns // 10**9, zone)
    start = datetime.combine(moment.date(), at, zone)
    return moment.weekday() == weekday and start - _BEFORE <= moment < start + _AFTER
